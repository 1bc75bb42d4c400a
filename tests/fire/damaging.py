"""A log with some of everything in it, ways to damage its file, and what can be read of it."""

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
"""Stands in one record of `state`."""
OFTEN_HIT: Final = 6
"""So many pages at the file's beginning hold the roots of the tables, through which all else is found."""


def open_file(file: Path) -> Log:
    """The log in the file, on a clock that stands still."""
    return open_sqlite(f"sqlite:///{file}", clock=lambda: NOW_MS)


def make_log(file: Path) -> None:
    """Records of all lengths in both kinds of topics, a group with offsets, a writer with progress."""
    chance = random.Random(1)  # noqa: S311 - nothing secret
    with closing(open_file(file)) as log:
        log.admin().create(SPECS)
        writer = log.writer("feeder")
        for turn in range(40):
            inputs = [Message("in", b"k%d" % i, _text(chance, turn), (("h", b"v"),)) for i in range(10)]
            states = [Message("state", b"k%d" % chance.randrange(150), _text(chance, turn)) for _ in range(10)]
            writer.write(inputs + states, Progress(turn))
        writer.write([Message("state", b"marked", MARK * 20, partition=0)], Progress(40))
        worker = log.worker(group="group", instance="a", topics=["in"])
        worker.commit(worker.poll(max_records=30, timeout_ms=0), [])


def _text(chance: random.Random, turn: int) -> bytes:
    return b"%d " % turn + chance.randbytes(chance.choice([40, 400, 4_000]))


def contents(file: Path) -> list[object]:
    """All that a log's users can see in the file; then something is written to each partition, as they would."""
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


def refusal(file: Path) -> str | None:
    """The line with which the log refuses to go on; None if it does not."""
    try:
        contents(file)
    except ConfigurationError as error:
        return str(error)
    return None


Damage = Callable[[bytearray, int, random.Random], None]
"""Spoils the bytes of a file, at a page or behind it."""


def flip_a_bit(data: bytearray, page: int, chance: random.Random) -> None:
    # The first bytes of a page are its header: more hangs on them than on others.
    data[page * PAGE + chance.choice([chance.randrange(16), chance.randrange(PAGE)])] ^= 1 << chance.randrange(8)


def overwrite_some(data: bytearray, page: int, chance: random.Random) -> None:
    start = page * PAGE + chance.randrange(PAGE - 64)
    data[start : start + 64] = chance.randbytes(64)


def swap_pages(data: bytearray, page: int, chance: random.Random) -> None:
    """Another page of the same file: all in good order, at the wrong place."""
    other = chance.randrange(len(data) // PAGE) * PAGE
    data[page * PAGE : (page + 1) * PAGE] = data[other : other + PAGE]


def zero_page(data: bytearray, page: int, _chance: random.Random) -> None:
    data[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)


def cut_off(data: bytearray, page: int, chance: random.Random) -> None:
    del data[page * PAGE + chance.randrange(PAGE) :]


DAMAGES: Final[list[Damage]] = [flip_a_bit, overwrite_some, swap_pages, zero_page, cut_off]


def damaged_copy(good: Path, file: Path, seed: int) -> str:
    """A copy with one of the damages; which one, in words."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    data = bytearray(good.read_bytes())
    damage = DAMAGES[seed % len(DAMAGES)]
    page = chance.choice([chance.randrange(OFTEN_HIT), chance.randrange(len(data) // PAGE)])
    damage(data, page, chance)
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    file.write_bytes(data)
    return f"seed {seed}: {damage.__name__} page {page}"


def flip_in(file: Path, mark: bytes) -> None:
    """Change one letter of the mark where it stands in the file."""
    data = bytearray(file.read_bytes())
    place = data.find(mark)
    assert place >= 0, f"{mark!r} is not in the file"
    data[place + len(mark) // 2] ^= 1
    file.write_bytes(data)
