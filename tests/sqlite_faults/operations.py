"""Operations on a log during which a process is killed: one transaction each, or the opening of a file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from newsloom.streaming.log import CleanupPolicy, Log, Progress, TopicSpec
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.cleanup import COMPACTION_LAG_MS
from tests.sqlite_faults.old_format import write_old_format

START_MS: Final = 1_750_000_000_000
LATER_MS: Final = START_MS + COMPACTION_LAG_MS
SPECS: Final = (
    TopicSpec("in", 2, CleanupPolicy.DELETE),
    TopicSpec("out", 2, CleanupPolicy.DELETE),
    TopicSpec("short", 1, CleanupPolicy.DELETE, retention_ms=COMPACTION_LAG_MS // 2),
    TopicSpec("state", 1, CleanupPolicy.COMPACT),
)

Operation = Callable[[Log, Callable[[], None]], None]
"""An operation on the log; it calls its second argument where the kill points begin."""


def create_base_log(file: Path) -> None:
    """Create a log with records to read, to compact and to expire."""
    with closing(open_sqlite(f"sqlite:///{file}", clock=lambda: START_MS)) as log:
        log.admin().create(SPECS)
        writer = log.writer("base")
        for number in range(8):
            inputs = [Message("in", b"k", b"%d" % number * 700, partition=partition) for partition in (0, 1)]
            others = [Message("short", None, bytes(700)), Message("state", b"k%d" % (number % 3), bytes(2_000))]
            writer.write(inputs + others, Progress(number))
        log.worker(group="group", instance="a", topics=["in"])


def commit(log: Log, arm: Callable[[], None]) -> None:
    """Run the transaction of a worker, with its cleanup."""
    worker = log.worker(group="group", instance="a", topics=["in"])
    batch = worker.poll(max_records=10, timeout_ms=0)
    assert batch.records
    outputs = [Message("out", record.key, record.value, partition=record.partition) for record in batch.records]
    arm()
    worker.commit(batch, [*outputs, Message("state", b"k0", b"new" * 900), Message("short", None, b"new")])


def write(log: Log, arm: Callable[[], None]) -> None:
    """Run the transaction of a writer."""
    writer = log.writer("feeder")
    arm()
    writer.write([Message("in", b"k", bytes(3_000), partition=0)] * 3, Progress(3, "note"))


def open_writer(log: Log, arm: Callable[[], None]) -> None:
    """Open a writer, and fence the older one of that name."""
    arm()
    log.writer("base")


def join(log: Log, arm: Callable[[], None]) -> None:
    """Join the group; one partition gets another owner."""
    arm()
    log.worker(group="group", instance="b", topics=["in"])


def create(log: Log, arm: Callable[[], None]) -> None:
    """Create topics."""
    arm()
    log.admin().create([TopicSpec("more", 3, CleanupPolicy.DELETE), TopicSpec("most", 2, CleanupPolicy.COMPACT)])


def checkpoint(log: Log, arm: Callable[[], None]) -> None:
    """Close the last connection: SQLite moves the pages of the write-ahead log to the file."""
    writer = log.writer("feeder")
    writer.write([Message("in", b"k", bytes(3_000), partition=0)] * 3, Progress(3, "note"))
    arm()
    log.close()


OPERATIONS: Final[dict[str, Operation]] = {
    "commit": commit,
    "write": write,
    "open-writer": open_writer,
    "join": join,
    "create": create,
    "checkpoint": checkpoint,
}
OPENINGS: Final[dict[str, Callable[[Path], None]]] = {"new-file": lambda _: None, "upgrade": write_old_format}
"""Operations that happen when a file is opened, and the function that creates the file."""
