"""A folder of exchanges: files of JSON lines, one exchange each, the first line of a file says what it is.

A line is written whole or not at all, as far as readers see: one that was cut when its writer was killed is left out.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

FORMAT = 1
NAME = "exchanges-{:05}.jsonl"
PATTERN = "exchanges-[0-9]*.jsonl"

TOKEN = "recorded-token"  # noqa: S105 # no token, but what stands for each

MIB = 1024 * 1024
LARGEST_FILE = 4 * MIB


class RecordingError(Exception):
    """A folder is none of exchanges, or cannot be written. The message names the file and never a value."""


class Exchange(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A call and its answer, with pseudonyms.

    `path` is where a replay serves it, `form` what was sent, without the token. `dead_token`: the platform turned the
    call away for its token. Of the answer: `headers` in lower case, and the body: as `json` as it stood, as `text`,
    or as `base64` where it is neither.
    """

    platform: str
    endpoint: str
    method: str
    path: str
    form: dict[str, str]
    status: int
    dead_token: bool = False
    headers: dict[str, str] = {}  # msgspec copies it
    json: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str | None = None
    base64: str | None = None

    @property
    def body(self) -> bytes:
        if self.json is not msgspec.UNSET:
            return bytes(self.json)
        return base64.b64decode(self.base64) if self.base64 is not None else (self.text or "").encode()


def body_fields(body: bytes) -> Mapping[str, Any]:
    """The fields of an exchange that hold this body."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {"text": text}
    is_one_line = body == body.strip() and b"\n" not in body and b"\r" not in body
    return {"json": msgspec.Raw(body)} if is_one_line and body != b"null" else {"text": text}


class _Head(msgspec.Struct, frozen=True):
    recording: int


_FIRST_LINE = msgspec.json.encode(_Head(FORMAT)) + b"\n"


class Folder:
    """Writes exchanges. A file is begun when the one before it is full, or another process writes that one; the oldest
    are removed when all together are larger than `largest` bytes.
    """

    def __init__(self, path: Path, largest: int, largest_file: int = LARGEST_FILE) -> None:
        """Raises RecordingError."""
        self.path = path
        self._largest = largest
        self._largest_file = min(largest_file, max(1, largest // 2))
        self._encoder = msgspec.json.Encoder()
        self._file: int | None = None
        self._size = 0
        self.written = 0
        self.removed = 0
        """Files that were removed."""
        self.left_out = 0
        """Exchanges that are larger than a file."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(f"{path}: cannot be made: {error.strerror}") from None

    def write(self, exchange: Exchange) -> None:
        """Raises RecordingError."""
        line = self._encoder.encode(exchange) + b"\n"
        if len(line) + len(_FIRST_LINE) > self._largest_file:
            self.left_out += 1
            return
        try:
            if self._file is None or self._size + len(line) > self._largest_file:
                self._begin()
            self._append(line)
        except OSError as error:
            raise RecordingError(f"{self.path}: cannot be written: {error.strerror}") from None
        self.written += 1

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, line: bytes) -> None:
        if self._file is not None:
            os.write(self._file, line)
            self._size += len(line)

    def _begin(self) -> None:
        self.close()
        self._make_room()
        newest = get_files(self.path)[-1:]
        number = int(newest[0].stem.rpartition("-")[2]) + 1 if newest else 1
        while self._file is None:
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                self._file = os.open(self.path / NAME.format(number), flags, 0o600)
            except FileExistsError:
                number += 1
        self._size = 0
        self._append(_FIRST_LINE)

    def _make_room(self) -> None:
        sizes = {path: path.stat().st_size for path in get_files(self.path)}
        while sizes and sum(sizes.values()) + self._largest_file > self._largest:
            oldest = next(iter(sizes))
            oldest.unlink(missing_ok=True)
            del sizes[oldest]
            self.removed += 1


def get_files(path: Path) -> list[Path]:
    """The files of a folder, the oldest first."""
    return sorted(path.glob(PATTERN), key=lambda file: (len(file.name), file.name))


def read_folder(path: Path) -> Iterator[Exchange]:
    """All exchanges, in the order in which they were written. Raises RecordingError."""
    files = get_files(path)
    if not files:
        raise RecordingError(f"{path}: holds no recorded exchanges")
    for file in files:
        yield from _read_file(file)


def _read_file(path: Path) -> Iterator[Exchange]:
    decode = msgspec.json.Decoder(Exchange).decode
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):  # its writer was killed
            return
        try:
            if number == 1:
                head = msgspec.json.decode(line, type=_Head)
                if head.recording != FORMAT:
                    raise RecordingError(f"{path}: of another format, {head.recording}: this gateway reads {FORMAT}")
            else:
                yield decode(line)
        except msgspec.DecodeError:
            raise RecordingError(f"{path}, line {number}: no recorded exchange") from None
