"""Read lines from a file or standard input, plain or gzip, as they arrive."""

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
"""Far above any article. The rest of a longer line is dropped, so that it cannot fill the memory."""

_GZIP: Final = b"\x1f\x8b"


class UnreadableInput(Exception):
    """The input cannot be opened, or is damaged from some point on; the message names it."""


class Line(NamedTuple):
    """A line without its line end. `number` counts from 1. Of a line over `LINE_BYTES_MAX`, `raw` holds only the start."""

    number: int
    raw: bytes
    complete: bool = True


class LineSource:
    """Read lines from a binary stream. `path` is None for a stream that cannot be read again, such as a pipe."""

    def __init__(self, stream: io.RawIOBase, *, name: str, path: Path | None = None) -> None:
        self.name = name
        self.path = path
        self._raw = stream
        self._size = os.fstat(stream.fileno()).st_size if path else 0
        buffered = io.BufferedReader(stream, READ_BYTES)
        # Detect gzip by content: a pipe has no name, and a file's name can be wrong.
        is_gzip = buffered.peek(2)[:2] == _GZIP
        self._stream: io.BufferedIOBase = gzip.GzipFile(fileobj=buffered) if is_gzip else buffered
        self._ready: list[Line] = []
        self._parts: list[bytes] = []
        self._part_bytes = 0
        self._count = 0
        self._ended = False

    def read(self, lines_max: int) -> list[Line]:
        """Return the next lines, at most `lines_max`: fewer if the input pauses, none at its end.

        Raises:
            UnreadableInput: the rest cannot be read.

        """
        while not self._ended and len(self._ready) < lines_max and not (self._ready and self._would_block()):
            self._split(self._read_bytes())
        lines, self._ready = self._ready[:lines_max], self._ready[lines_max:]
        return lines

    def fraction_read(self) -> float | None:
        """Return how much of the file has been read, from 0 to 1; None for a stream of unknown length."""
        return min(1.0, self._raw.tell() / self._size) if self._size else None

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()
        self._raw.close()

    def _would_block(self) -> bool:
        # A feed over a pipe may pause for hours; return the lines that have arrived until then.
        return not select.select([self._raw], [], [], 0)[0]

    def _read_bytes(self) -> bytes:
        try:
            return self._stream.read1(READ_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableInput(f"{self.name} cannot be read beyond line {self._count:,}: {error}") from error

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
        self._ready.append(Line(self._count, raw[:LINE_BYTES_MAX].removesuffix(b"\r"), len(raw) <= LINE_BYTES_MAX))
        self._parts, self._part_bytes = [], 0


def open_lines(name: str) -> LineSource:
    """Open the file called `name`, or standard input for `-`.

    Raises:
        UnreadableInput: the file does not exist or may not be read.

    """
    if name == "-":
        # Open by number: sys.stdin's own buffer could hold back lines that have already arrived.
        return LineSource(io.FileIO(0, closefd=False), name="standard input")
    path = Path(name)
    try:
        stream = io.FileIO(path)
        # Process substitution and FIFOs have a path too, but can be read only once.
        return LineSource(stream, name=name, path=path.resolve() if path.is_file() else None)
    except OSError as error:
        raise UnreadableInput(f"{name} cannot be read: {error.strerror}") from error
