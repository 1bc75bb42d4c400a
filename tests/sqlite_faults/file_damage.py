"""Create a log with all kinds of contents, damage its file, and read it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Log, Progress, TopicSpec
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import read_all

PAGE: Final = 4096
NOW_MS: Final = 1_750_000_000_000
SPECS: Final = (TopicSpec("in", 2, CleanupPolicy.DELETE), TopicSpec("state", 2, CleanupPolicy.COMPACT))
MARK: Final = b"the very words of this record"
"""The value of one record of `state`."""
ROOT_PAGES: Final = 6
"""The number of pages at the beginning of the file, with the root pages of the tables; damaged more often than others."""


def open_file(file: Path) -> Log:
    """Open the log in the file, with a clock that does not move."""
    return open_sqlite(f"sqlite:///{file}", clock=lambda: NOW_MS)


def make_log(file: Path) -> None:
    """Create a log with records of all lengths in both kinds of topics, a group with offsets and a writer with progress."""
    rng = random.Random(1)  # noqa: S311 - not for security
    with closing(open_file(file)) as log:
        log.admin().create(SPECS)
        writer = log.writer("feeder")
        for number in range(40):
            inputs = [Message("in", b"k%d" % i, _text(rng, number), (("h", b"v"),)) for i in range(10)]
            states = [Message("state", b"k%d" % rng.randrange(150), _text(rng, number)) for _ in range(10)]
            writer.write(inputs + states, Progress(number))
        writer.write([Message("state", b"marked", MARK * 20, partition=0)], Progress(40))
        worker = log.worker(group="group", instance="a", topics=["in"])
        worker.commit(worker.poll(max_records=30, timeout_ms=0), [])


def _text(rng: random.Random, number: int) -> bytes:
    return b"%d " % number + rng.randbytes(rng.choice([40, 400, 4_000]))


def contents(file: Path) -> list[object]:
    """Return everything that the users of a log can read in the file, after a write to each partition."""
    with closing(open_file(file)) as log:
        admin = log.admin()
        found: list[object] = [read_all(log, spec.name, spec.partitions) for spec in SPECS]
        found += [admin.describe(["in", "state"]), admin.end_offsets(["in", "state"])]
        found += [admin.start_offsets(["in", "state"]), admin.backlog("group", ["in"])]
        writer = log.writer("feeder")
        found.append(writer.progress())
        names = [(spec.name, partition) for spec in SPECS for partition in range(spec.partitions)]
        writer.write([Message(topic, b"new", b"new", partition=number) for topic, number in names], Progress(99))
        worker = log.worker(group="group", instance="a", topics=["in"])
        batch = worker.poll(max_records=50, timeout_ms=0)
        worker.commit(batch, [])
        return [*found, batch.records]


def error_message(file: Path) -> str | None:
    """Return the error message of using the file, or None if there is no error."""
    try:
        contents(file)
    except ConfigurationError as error:
        return str(error)
    return None


DamageFunction = Callable[[bytearray, int, random.Random], None]
"""Damages the bytes of a file, at a page or after it."""


def flip_a_bit(data: bytearray, page: int, rng: random.Random) -> None:
    # Damage the header of the page, its first bytes, more often than other bytes.
    data[page * PAGE + rng.choice([rng.randrange(16), rng.randrange(PAGE)])] ^= 1 << rng.randrange(8)


def overwrite_some(data: bytearray, page: int, rng: random.Random) -> None:
    start = page * PAGE + rng.randrange(PAGE - 64)
    data[start : start + 64] = rng.randbytes(64)


def swap_pages(data: bytearray, page: int, rng: random.Random) -> None:
    """Overwrite the page with another page of the file: valid, but at the wrong position."""
    other = rng.randrange(len(data) // PAGE) * PAGE
    data[page * PAGE : (page + 1) * PAGE] = data[other : other + PAGE]


def zero_page(data: bytearray, page: int, _rng: random.Random) -> None:
    data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)


def cut_off(data: bytearray, page: int, rng: random.Random) -> None:
    del data[page * PAGE + rng.randrange(PAGE) :]


DAMAGES: Final[list[DamageFunction]] = [flip_a_bit, overwrite_some, swap_pages, zero_page, cut_off]


def damaged_copy(good: Path, file: Path, seed: int) -> str:
    """Copy the file, damage the copy, and return a description of the damage."""
    rng = random.Random(seed)  # noqa: S311 - not for security
    data = bytearray(good.read_bytes())
    damage = DAMAGES[seed % len(DAMAGES)]
    page = rng.choice([rng.randrange(ROOT_PAGES), rng.randrange(len(data) // PAGE)])
    damage(data, page, rng)
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    file.write_bytes(data)
    return f"seed {seed}: {damage.__name__} page {page}"


def flip_in(file: Path, mark: bytes) -> None:
    """Change one letter of the mark in the file."""
    data = bytearray(file.read_bytes())
    position = data.find(mark)
    assert position >= 0, f"{mark!r} is not in the file"
    data[position + len(mark) // 2] ^= 1
    file.write_bytes(data)
