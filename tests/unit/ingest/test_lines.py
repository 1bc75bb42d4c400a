"""Read lines from files and pipes."""

from __future__ import annotations

import gzip
import io
import os
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.lines import LINE_BYTES_MAX, Line, LineSource, UnreadableInput, open_lines


def all_lines(path: Path, *, lines_max: int = 3) -> list[Line]:
    source = open_lines(str(path))
    found = []
    while lines := source.read(lines_max):
        assert len(lines) <= lines_max
        found += lines
    source.close()
    return found


PLAIN = st.binary(max_size=20).map(lambda raw: raw.translate(None, b"\r\n\x1f"))
"""Bytes without line ends, and without the first byte of a gzip file."""


@given(lines=st.lists(PLAIN), packed=st.booleans())
def test_every_line_comes_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], packed: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "input"
    data = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(data) if packed else data)
    assert all_lines(path) == [Line(number, raw) for number, raw in enumerate(lines, 1)]


def test_crlf_and_a_missing_last_line_end_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"one\r\n\ntwo")
    assert [line.raw for line in all_lines(path)] == [b"one", b"", b"two"]


def test_consecutive_gzip_members_are_one_stream(tmp_path: Path) -> None:
    path = tmp_path / "input.jsonl"
    path.write_bytes(gzip.compress(b"one\ntw") + gzip.compress(b"o\n"))
    assert [line.raw for line in all_lines(path)] == [b"one", b"two"]


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "input"
    with path.open("wb") as file:
        file.write(b"x" * (LINE_BYTES_MAX * 2) + b"\nnext\n")
    long, following = all_lines(path)
    assert (long.number, len(long.raw), long.complete) == (1, LINE_BYTES_MAX, False)
    assert following == Line(2, b"next")


def test_damaged_gzip_is_reported_with_the_last_readable_line(tmp_path: Path) -> None:
    path = tmp_path / "input.gz"
    data = b"".join(os.urandom(40).hex().encode() + b"\n" for _ in range(5_000))
    path.write_bytes(gzip.compress(data)[:-30_000])
    source = open_lines(str(path))
    read: list[Line] = []
    with pytest.raises(UnreadableInput, match=r"input\.gz cannot be read beyond line [\d,]+"):
        read.extend(chain.from_iterable(iter(partial(source.read, 100), [])))
    assert 0 < len(read) < 5_000
    source.close()


def test_a_pausing_pipe_returns_the_lines_that_have_arrived() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"one\ntwo\nthr")
    source = LineSource(io.FileIO(read_end), name="pipe")
    assert source.read(500) == [Line(1, b"one"), Line(2, b"two")]
    os.write(write_end, b"ee\n")
    assert source.read(500) == [Line(3, b"three")]
    os.close(write_end)
    assert source.read(500) == []
    assert source.fraction_read() is None
    source.close()


def test_the_fraction_read_of_a_file_grows_to_1(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"line\n" * 100_000)
    source = open_lines(str(path))
    source.read(100)
    assert 0 < (source.fraction_read() or 0) < 1
    while source.read(10_000):
        pass
    assert source.fraction_read() == 1
    source.close()


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_missing_file_or_a_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreadableInput, match=f"^{name} cannot be read: "):
        open_lines(name)
