"""`python -m tests.sqlite_faults.full_disk_process FOLDER`: use a log on a full disk, and when there is space again.

FOLDER is on a small disk of its own. The process prints the error messages while the disk was full, one a line.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogError, LogUnavailable
from newsloom.streaming.log import CleanupPolicy, Log, Progress, TopicSpec
from newsloom.streaming.records import Message
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import Member, put, read_all, values

CHUNK_BYTES: Final = 4096
PADDING: Final = bytes(3_000)


def fill(ballast: Path) -> None:
    """Fill the disk."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(CHUNK_BYTES))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def expect(kind: type[LogError], use: Callable[[], object]) -> None:
    """Check that the call raises an error of this kind, and print it."""
    try:
        use()
    except kind as error:
        print(error)
    else:
        raise AssertionError(f"no {kind.__name__}")


def copy(member: Member, count: int) -> None:
    member.take(count, lambda record: [Message("out", record.key, record.value)])


def main(folder: Path) -> None:
    url, ballast = f"sqlite:///{folder}/log.db", folder / "ballast"
    with closing(open_sqlite(url)) as log:
        admin = log.admin()
        admin.create([TopicSpec("in", 1, CleanupPolicy.DELETE), TopicSpec("out", 1, CleanupPolicy.DELETE)])
        admin.create([TopicSpec("state", 1, CleanupPolicy.COMPACT)])
        put(log, [Message("in", b"k", b"%d" % i + PADDING) for i in range(20)])
        member, writer = Member(log, "group", ["in"]), log.writer("writer")
        copy(member, 5)
        batch = member.batch()

        fill(ballast)
        expect(CommitFailed, lambda: writer.write([Message("in", b"k", PADDING)], Progress(1)))
        expect(CommitFailed, lambda: member.worker.commit(batch, [Message("out", None, PADDING)]))
        expect(LogUnavailable, lambda: admin.create([TopicSpec("more", 3, CleanupPolicy.DELETE)]))
        expect(LogUnavailable, lambda: log.worker(group="group", instance="b", topics=["in"]))
        expect(LogUnavailable, lambda: log.writer("another"))
        expect(ConfigurationError, lambda: open_sqlite(f"sqlite:///{folder}/new.db"))
        assert_copied(open_sqlite(url, create=False), 5)
        assert admin.backlog("group", ["in"]) == 15

        ballast.unlink()
        assert writer.progress() is None
        copy(member, 15)
        writer.write([Message("in", b"k", b"20" + PADDING)], Progress(1))
        assert_copied(log, 20)
        # Committed pages can stay in the write-ahead log while the disk is full.
        fill(ballast)
    assert (folder / "log.db-wal").stat().st_size > 0
    with closing(open_sqlite(url)) as log:
        assert_copied(log, 20)
        assert len(read_all(log, "in")) == 21
        ballast.unlink()
        copy(Member(log, "group", ["in"]), 1)
        assert_copied(log, 21)
    assert not (folder / "log.db-wal").exists()
    os.sync()


def assert_copied(log: Log, copied: int) -> None:
    """Check that so many records are copied, each once."""
    assert values(read_all(log, "out")) == [b"%d" % i + PADDING for i in range(copied)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
