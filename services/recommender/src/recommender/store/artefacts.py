"""Trained models as files: one .npy an array, each with its sha256, no pickle anywhere."""

import hashlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import fsspec
import numpy as np

from recommender.ranking.ensemble import FORMAT, Model

_BLOCK = 1024 * 1024
# What operations.training.version_of makes: nothing else in the cache's folder is ours to remove.
_VERSION = re.compile(r"\d{8}T\d{6}-[0-9a-f]+")
Manifest = dict[str, dict[str, Any]]


class ArtefactDamaged(RuntimeError):
    """A stored file is not the one that was written."""


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
        """The model, its arrays memory-mapped and checked against the registry.

        ArtefactDamaged when it will never be that one, OSError when it cannot be had now.
        """
        if meta.get("format") != FORMAT:
            raise ArtefactDamaged(f"the model's format is not {FORMAT}: another release made it")
        arrays = {
            name: np.load(self._held(version, name, known), mmap_mode="r", allow_pickle=False)
            for name, known in manifest.items()
        }
        if not self._local:
            self._tidy(version)
        return Model(arrays, dict(meta))

    def _held(self, version: str, name: str, known: Mapping[str, Any]) -> Path:
        remote = f"{self._root}/{version}/{name}.npy"
        if self._local:
            return _verified(Path(remote), known)
        path = self._cache / version / f"{name}.npy"
        try:
            return _verified(path, known)
        except (FileNotFoundError, ArtefactDamaged):
            self._fetch(remote, path)
            return _verified(path, known)

    def _fetch(self, remote: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as target:
                self._download(remote, target)
            Path(draft).rename(path)
        finally:
            Path(draft).unlink(missing_ok=True)

    def _download(self, remote: str, target: IO[bytes]) -> None:
        try:
            with self._files.open(remote, "rb") as source:
                shutil.copyfileobj(source, target, _BLOCK)
        except OSError:
            raise
        except Exception as error:  # a store's own library raises what it likes
            raise OSError(f"{remote} cannot be had: {error!r}") from error

    def _tidy(self, version: str) -> None:
        """Of the models before, the cache keeps the last one; all of them would fill the disk."""
        known = sorted(one for one in self._cache.iterdir() if _VERSION.fullmatch(one.name))
        for folder in [one for one in known if one.name != version][:-1]:
            shutil.rmtree(folder, ignore_errors=True)

    def versions(self) -> set[str]:
        """Of which models there are files."""
        self._files.invalidate_cache()
        if not self._files.exists(self._root):
            return set()
        names = {Path(one).name for one in self._files.ls(self._root, detail=False)}
        return {name for name in names if _VERSION.fullmatch(name)}

    def remove(self, version: str) -> None:
        """Take a model's files away."""
        folder = f"{self._root}/{version}"
        if self._files.exists(folder):
            self._files.rm(folder, recursive=True)


def _is_local(files: Any) -> bool:
    protocol = files.protocol if isinstance(files.protocol, tuple) else (files.protocol,)
    return "file" in protocol


def _verified(path: Path, known: Mapping[str, Any]) -> Path:
    if path.stat().st_size != known["size"]:
        raise ArtefactDamaged(f"{path.name} is cut short")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != known["sha256"]:
        raise ArtefactDamaged(f"{path.name} is not what was written")
    return path


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
