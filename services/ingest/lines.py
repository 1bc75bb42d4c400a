"""Lines of a file or of standard input, plain or gzip, taken as they come."""

from __future__ import annotations

import gzip
import io
import os
import select
import zlib
from pathlib import Path
from typing import Final, NamedTuple

READ_BYTES: Final = 65_536
LINE_BYTES_MAX: Final = 16_777_216
"""Far above any article; what is longer is no line, and would fill the memory."""

_GZIP: Final = b"\x1f\x8b"


class InputUnreadable(Exception):
    """The input cannot be opened, or is damaged from somewhere on; the message names it."""


class Line(NamedTuple):
    """A line without its end. `number` counts from 1. Of one over `LINE_BYTES_MAX`, `raw` holds the beginning."""

    number: int
    raw: bytes
    complete: bool = True


class LineSource:
    """Takes lines from a binary stream. Without a `path` it is a stream that cannot be read again."""

    def __init__(self, stream: io.RawIOBase, *, name: str, path: Path | None = None) -> None:
        self.name = name
        self.path = path
        self._raw = stream
        self._size = os.fstat(stream.fileno()).st_size if path else 0
        buffered = io.BufferedReader(stream, READ_BYTES)
        # By content: a pipe has no name, and names lie.
        is_gzip = buffered.peek(2)[:2] == _GZIP
        self._stream: io.BufferedIOBase = gzip.GzipFile(fileobj=buffered) if is_gzip else buffered
        self._waiting: list[Line] = []
        self._parts: list[bytes] = []
        self._part_bytes = 0
        self._count = 0
        self._ended = False

    def take(self, lines_max: int) -> list[Line]:
        """The next lines, at most `lines_max`; fewer where the input pauses, none at its end.

        Raises:
            InputUnreadable: the rest cannot be read.

        """
        while not self._ended and len(self._waiting) < lines_max and not (self._waiting and self._would_wait()):
            self._split(self._read())
        taken, self._waiting = self._waiting[:lines_max], self._waiting[lines_max:]
        return taken

    def fraction_read(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None where nobody knows."""
        return min(1.0, self._raw.tell() / self._size) if self._size else None

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        self._raw.close()

    def _would_wait(self) -> bool:
        # A feed over a pipe may pause for hours; what it has sent until then is not kept back.
        return not select.select([self._raw], [], [], 0)[0]

    def _read(self) -> bytes:
        try:
            return self._stream.read1(READ_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise InputUnreadable(f"{self.name} cannot be read beyond line {self._count:,}: {error}") from error

    def _split(self, data: bytes) -> None:
        *ended, rest = data.split(b"\n")
        for part in ended:
            self._add(part)
            self._end_line()
        self._add(rest)
        if not data:
            self._ended = True
            if self._part_bytes:
                self._end_line()

    def _add(self, part: bytes) -> None:
        if self._part_bytes <= LINE_BYTES_MAX:
            self._parts.append(part)
        self._part_bytes += len(part)

    def _end_line(self) -> None:
        self._count += 1
        raw = b"".join(self._parts)
        self._waiting.append(Line(self._count, raw[:LINE_BYTES_MAX].removesuffix(b"\r"), len(raw) <= LINE_BYTES_MAX))
        self._parts, self._part_bytes = [], 0


def open_lines(name: str) -> LineSource:
    """The lines of the file called `name`, or of standard input for `-`.

    Raises:
        InputUnreadable: there is no such file, or it may not be read.

    """
    if name == "-":
        # Opened by number: sys.stdin's own buffer could hold back what has come already.
        return LineSource(io.FileIO(0, closefd=False), name="standard input")
    path = Path(name)
    try:
        stream = io.FileIO(path)
        # A pipe that has a name (process substitution, a FIFO) is still a pipe.
        return LineSource(stream, name=name, path=path.resolve() if path.is_file() else None)
    except OSError as error:
        raise InputUnreadable(f"{name} cannot be read: {error.strerror}") from error
