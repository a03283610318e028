"""Archives, encodings, CSV and JSON, read under limits."""

import csv
import io
import re
import struct
import zipfile
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

_UNPACKED_BYTES = 40 * 1024 * 1024
_MEMBERS = 2_000
_NAME_LENGTH = 255
_ROW = 100_000
_ROW_LINES = 1_000
_UNCLOSED_QUOTES = 1_000
_PROSE = frozenset({"review", "notes", "description", "comment"})
_PIECE = 256 * 1024
_COLUMN = re.compile(r"[^a-z0-9]+")
_LINE = re.compile(r"[^\r\n]+(?:\r\n?|\n)?|\r\n?|\n")
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
    return set(_header(csv.reader(io.StringIO(document.text[:_ROW], newline=""))))


def cells_of(document: Document) -> Iterator[Cells]:
    """Rows of a CSV file; one that cannot be read says so and does not end the reading.

    A quote that is not closed would take all that follows into its row: a row of several lines
    that does not fit the header, breaks a line where no prose stands, or has no end costs its
    first line alone, and reading goes on with the next.
    """
    lines = _Lines(document.text)
    reader = csv.reader(lines, strict=True)
    header = _header(reader)
    number = 0
    while True:
        lines.begin_row()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            told = _NOT_CLOSED if lines.reread_all_but_first() else f"{_UNREADABLE}: {error}"
            yield Cells(number, {}, told)
            continue
        if not any(value.strip() for value in values):
            continue
        number += 1
        if _swallowed_others(header, values) and lines.reread_all_but_first():
            yield Cells(number, {}, _NOT_CLOSED)
            continue
        yield _cells(number, header, values)


_UNREADABLE = "the row cannot be read"
_NOT_CLOSED = f"{_UNREADABLE}: it has a quote that is not closed"


class _Lines:
    """Lines of a text for csv to read, those of the row under way so that they can be reread."""

    def __init__(self, text: str) -> None:
        self._lines = (found.group() for found in _LINE.finditer(text))
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._length = 0
        self._rereadings = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self._row.append(line)
        self._length += len(line)
        # csv's own limit is one of the whole process, and anybody may have moved it.
        if self._length > _ROW or len(self._row) > _ROW_LINES:
            raise csv.Error(f"it is over {_ROW:,} characters or {_ROW_LINES:,} lines long")
        return line

    def begin_row(self) -> None:
        """The lines so far are done with."""
        self._row.clear()
        self._length = 0

    def reread_all_but_first(self) -> bool:
        """Whether the row had more lines than one: those come again."""
        if len(self._row) == 1:
            return False
        self._rereadings += 1
        if self._rereadings > _UNCLOSED_QUOTES:
            raise UnreadableExport(f"more than {_UNCLOSED_QUOTES:,} of its quotes are not closed")
        self._again.extendleft(reversed(self._row[1:]))
        return True


def _header(reader: Any) -> list[str]:
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise UnreadableExport(f"its first line cannot be read: {error}") from error
    if any("\0" in name for name in names):
        # UTF-16 that went for an encoding of single bytes; every row would be unusable.
        raise UnreadableExport("its first line has NUL characters: it is not text in UTF-8")
    return [_COLUMN.sub("", name.strip().lower()) for name in names]


def _swallowed_others(header: list[str], values: list[str]) -> bool:
    broken = [place for place, value in enumerate(values) if "\n" in value or "\r" in value]
    prose = {place for place, name in enumerate(header) if name in _PROSE}
    return bool(broken) and (len(values) < len(header) or not prose.issuperset(broken))


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
        if member.is_dir() or not _is_ours(name) or name in found:
            continue
        content = _read(archive, member, left)
        left -= len(content)
        if content.strip():
            found[name] = Document(source, name, content)
    if not found:
        raise UnreadableExport("the archive has no .csv or .json file in it")
    return [found[name] for name in sorted(found)]


def _is_ours(name: str) -> bool:
    """Whether it may be a file of an export; each row that cannot be used is told with its name."""
    return name.endswith((".csv", ".json")) and len(name) <= _NAME_LENGTH


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
