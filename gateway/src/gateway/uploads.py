"""A file as it arrives, never whole in memory: a form's `file`, or the body itself."""

import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Iterator

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from gateway.problems import ProblemError, invalid

FILE_BYTES = 20 * 1024 * 1024
PIECE_BYTES = 1024 * 1024
_FORM = b"multipart/form-data"
_FIELD_BYTES = 1024
_FIELDS = ("source",)
_FILENAME_LENGTH = 255
_TOO_LARGE = f"The file is larger than {FILE_BYTES // 1024 // 1024} MiB."


class Upload:
    """One file and the fields beside it; `filename` is known once the first piece is there."""

    def __init__(self, request: Request, filename: str) -> None:
        self._request = request
        self._digest = hashlib.sha256()
        self._size = 0
        self.filename = _shown(filename)
        self.fields: dict[str, str] = {}

    @property
    def sha256(self) -> bytes:
        """Of what has come so far."""
        return self._digest.digest()

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The file in pieces of 1 MiB, the last one smaller; none of them empty."""
        waiting = bytearray()
        async for data in self._file():
            self._size += len(data)
            if self._size > FILE_BYTES:
                raise ProblemError(413, "CONTENT_TOO_LARGE", _TOO_LARGE)
            self._digest.update(data)
            waiting += data
            while len(waiting) >= PIECE_BYTES:
                yield bytes(waiting[:PIECE_BYTES])
                del waiting[:PIECE_BYTES]
        if waiting:
            yield bytes(waiting)
        if not self._size:
            raise invalid("/file", "must be a file that is not empty")

    async def _file(self) -> AsyncGenerator[bytes]:
        kind, options = parse_options_header(self._request.headers.get("content-type", ""))
        form = _Form(self, options.get(b"boundary", b"")) if kind == _FORM else None
        try:
            async for data in self._request.stream():
                if form is None:
                    yield data
                    continue
                for part in form.take(data):
                    yield part
        except ClientDisconnect as error:
            raise ProblemError(400, "INCOMPLETE_BODY", "The body broke off.") from error
        if form is not None:
            form.end()


class _Form:
    """multipart/form-data: its fields go to the upload, the bytes of its file to the caller."""

    def __init__(self, upload: Upload, boundary: bytes) -> None:
        if not boundary:
            raise _malformed("the Content-Type names no boundary")
        self._upload = upload
        self._file: deque[bytes] = deque()
        self._value = bytearray()
        self._header = [bytearray(), bytearray()]
        self._name = ""
        self._has_file = False
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_end": self._all_ends,
            },
        )

    def take(self, data: bytes) -> Iterator[bytes]:
        """Bytes of the file in the next bytes of the form."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise _malformed(str(error)) from error
        while self._file:
            yield self._file.popleft()

    def end(self) -> None:
        """Nothing comes any more."""
        if not self._ended:
            raise _malformed("it breaks off")
        if not self._has_file:
            raise invalid("/file", "is required")

    def _part_begins(self) -> None:
        self._name = ""
        self._value.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_ends(self) -> None:
        field, value = (bytes(part) for part in self._header)
        self._header = [bytearray(), bytearray()]
        if field.lower() != b"content-disposition":
            return
        _kind, options = parse_options_header(value)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "file":
            given = options.get(b"filename", b"").decode("utf-8", "replace")
            self._upload.filename = _shown(given) or self._upload.filename

    def _headers_end(self) -> None:
        known = self._name == "file" or self._name in _FIELDS
        if not known or self._name in self._upload.fields or (self._is_file and self._has_file):
            raise invalid(f"/{self._name}", "is unknown, or stands twice in the form")
        self._has_file = self._has_file or self._is_file

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._file.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _FIELD_BYTES:
            raise invalid(f"/{self._name}", f"must be at most {_FIELD_BYTES} bytes")

    def _part_ends(self) -> None:
        if not self._is_file:
            self._upload.fields[self._name] = self._value.decode("utf-8", "replace").strip()

    def _all_ends(self) -> None:
        self._ended = True

    @property
    def _is_file(self) -> bool:
        return self._name == "file"


def _malformed(detail: str) -> ProblemError:
    return ProblemError(400, "MALFORMED_FORM", f"The form cannot be read: {detail}.")


def _shown(filename: str) -> str:
    """A name as text alone: it is shown, and never a path."""
    printable = "".join(one if one.isprintable() else " " for one in filename)
    return printable.strip()[-_FILENAME_LENGTH:]
