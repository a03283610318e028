"""Trained models as files: one .npy an array, each with its sha256, no pickle anywhere."""

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from recommender.ranking.ensemble import FORMAT, Model

_BLOCK = 1024 * 1024
Manifest = dict[str, dict[str, Any]]


class ArtefactDamaged(RuntimeError):
    """A stored file is missing or not the one that was written."""


class Artefacts:
    """The folder of models behind an fsspec URL; a local one is memory-mapped where it lies."""

    def __init__(self, url: str, cache: Path) -> None:
        self._files, self._root = fsspec.core.url_to_fs(url)
        self._local = _is_local(self._files)
        self._cache = cache

    def write(self, version: str, model: Model) -> Manifest:
        """Store every array; what came is to be kept in the registry."""
        folder = f"{self._root}/{version}"
        self._files.makedirs(folder, exist_ok=True)
        manifest: Manifest = {}
        for name, array in sorted(model.arrays.items()):
            manifest[name] = self._write(f"{folder}/{name}.npy", array)
        return manifest

    def _write(self, path: str, array: np.ndarray) -> dict[str, Any]:
        draft = f"{path}.draft"
        with self._files.open(draft, "wb") as file:
            hashing = _Hashing(file)
            np.lib.format.write_array(hashing, np.ascontiguousarray(array), allow_pickle=False)
        self._files.mv(draft, path)
        return {"sha256": hashing.hexdigest(), "size": hashing.size}

    def read(self, version: str, manifest: Manifest, meta: Mapping[str, Any]) -> Model:
        """The model, its arrays memory-mapped and checked against the registry."""
        if meta.get("format") != FORMAT:
            raise ArtefactDamaged(f"the model's format is not {FORMAT}: another release made it")
        arrays = {
            name: np.load(self._held(version, name, known), mmap_mode="r", allow_pickle=False)
            for name, known in manifest.items()
        }
        return Model(arrays, dict(meta))

    def _held(self, version: str, name: str, known: Mapping[str, Any]) -> Path:
        remote = f"{self._root}/{version}/{name}.npy"
        path = Path(remote) if self._local else self._cache / version / f"{name}.npy"
        if not self._local and not path.exists():
            self._fetch(remote, path)
        _verify(path, known)
        return path

    def _fetch(self, remote: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as target, self._files.open(remote, "rb") as source:
            shutil.copyfileobj(source, target, _BLOCK)
        Path(draft).rename(path)

    def remove(self, version: str) -> None:
        """Take a model's files away."""
        folder = f"{self._root}/{version}"
        if self._files.exists(folder):
            self._files.rm(folder, recursive=True)


def _is_local(files: Any) -> bool:
    protocol = files.protocol if isinstance(files.protocol, tuple) else (files.protocol,)
    return "file" in protocol


def _verify(path: Path, known: Mapping[str, Any]) -> None:
    if not path.exists() or path.stat().st_size != known["size"]:
        raise ArtefactDamaged(f"{path.name} is missing or cut short")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != known["sha256"]:
        raise ArtefactDamaged(f"{path.name} is not what was written")


class _Hashing(io.RawIOBase):
    """A file that hashes what is written to it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> int:
        self._digest.update(data)
        self.size += len(memoryview(data).cast("B"))
        self._file.write(data)
        return len(data)

    def hexdigest(self) -> str:
        return self._digest.hexdigest()
