"""Archives, encodings, CSV and JSON, read under limits."""

import csv
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_UNPACKED_BYTES = 40 * 1024 * 1024
_MEMBERS = 2_000
_CELL = 100_000
_PIECE = 256 * 1024
_COLUMN = re.compile(r"[^a-z0-9]+")
_ZIP = b"PK\x03\x04"
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class UnreadableExport(Exception):
    """The file as a whole is not what it is said to be; the message is for its owner."""


@dataclass(frozen=True)
class Document:
    """One file of an export."""

    source: str
    name: str
    """Lower case, with / between folders."""
    content: bytes

    @cached_property
    def text(self) -> str:
        """What it says; not looked at before it is asked for."""
        return _decoded(self.source, self.base, self.content)

    @property
    def base(self) -> str:
        """Its name without folders."""
        return self.name.rpartition("/")[2]

    @property
    def is_json(self) -> bool:
        """Whether it looks like JSON, whatever it is called."""
        return self.text.lstrip()[:1] in ("[", "{")


@dataclass(frozen=True)
class Cells:
    """A row of a CSV file by its columns' names."""

    number: int
    values: Mapping[str, str]
    error: str = ""
    """Why the row cannot be read, where it cannot."""

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")


def documents_of(source: str, filename: str, content: bytes) -> list[Document]:
    """The text files of an upload, which may be an archive, by name."""
    if not content.strip():
        raise UnreadableExport("the file is empty")
    if content.startswith(_ZIP):
        return _unpacked(source, content)
    return [Document(source, _plain(filename), content)]


def columns_of(document: Document) -> set[str]:
    """Names of the columns of a CSV file: lower case, without what is no letter or digit."""
    return set(_header(csv.reader(io.StringIO(document.text, newline=""))))


def cells_of(document: Document) -> Iterator[Cells]:
    """Rows of a CSV file; one that cannot be read says so and does not end the reading."""
    reader = csv.reader(io.StringIO(document.text, newline=""), strict=True)
    header = _header(reader)
    number = 0
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield Cells(number, {}, f"the row cannot be read: {error}")
            continue
        if not any(value.strip() for value in values):
            continue
        number += 1
        # csv's own limit is one of the whole process, and anybody may have moved it.
        if any(len(value) > _CELL for value in values):
            yield Cells(number, {}, f"the row cannot be read: a field is over {_CELL:,} long")
            continue
        yield _cells(number, header, values)


def objects_of(document: Document) -> Iterator[tuple[str, Any]]:
    """Entries of a JSON file that is a list, or an object of lists; with what names them."""
    try:
        value = json.loads(document.text)
    except (ValueError, RecursionError) as error:
        raise UnreadableExport(f"{document.base} is not JSON that can be read") from error
    lists = value if isinstance(value, dict) else {document.base: value}
    for name, entries in lists.items():
        if isinstance(entries, list):
            yield from ((str(name).lower(), entry) for entry in entries)


def _header(reader: Any) -> list[str]:
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise UnreadableExport(f"its first line cannot be read: {error}") from error
    if any("\0" in name for name in names):
        # UTF-16 that went for an encoding of single bytes; every row would be unusable.
        raise UnreadableExport("its first line has NUL characters: it is not text in UTF-8")
    return [_COLUMN.sub("", name.strip().lower()) for name in names]


def _cells(number: int, header: list[str], values: list[str]) -> Cells:
    found = dict(zip(header, (value.strip() for value in values), strict=False))
    if len(values) < len(header):
        return Cells(number, found, f"it has {len(values)} of {len(header)} columns")
    return Cells(number, found)


def _plain(name: str) -> str:
    return name.replace("\\", "/").strip().lower()


def _unpacked(source: str, content: bytes) -> list[Document]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _members(source, archive)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError) as error:
        raise UnreadableExport("the archive is damaged") from error
    except (RuntimeError, NotImplementedError) as error:
        # What zipfile raises for a password, and for a compression it does not know.
        raise UnreadableExport("the archive is encrypted or compressed in a rare way") from error


def _members(source: str, archive: zipfile.ZipFile) -> list[Document]:
    if len(archive.infolist()) > _MEMBERS:
        raise UnreadableExport(f"the archive has more than {_MEMBERS:,} files")
    found: dict[str, Document] = {}
    left = _UNPACKED_BYTES
    for member in archive.infolist():
        if member.compress_type not in _COMPRESSIONS:
            raise NotImplementedError
        name = _plain(member.filename)
        if member.is_dir() or not name.endswith((".csv", ".json")) or name in found:
            continue
        content = _read(archive, member, left)
        left -= len(content)
        if content.strip():
            found[name] = Document(source, name, content)
    if not found:
        raise UnreadableExport("the archive has no .csv or .json file in it")
    return [found[name] for name in sorted(found)]


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> bytes:
    """A member's bytes, counted as they come: what the archive says of its size is not believed."""
    pieces: list[bytes] = []
    size = 0
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > most:
                limit = _UNPACKED_BYTES // 1024 // 1024
                raise UnreadableExport(f"the archive unpacks to more than {limit} MiB")
            pieces.append(piece)
    return b"".join(pieces)


def _decoded(source: str, name: str, content: bytes) -> str:
    """UTF-8; or cp1252 from IMDb, which wrote it for many years. Nothing else is guessed at."""
    encodings = ("utf-8-sig", "cp1252") if source == "imdb" else ("utf-8-sig",)
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableExport(f"{name or 'the file'} is not text in UTF-8")
