"""`python -m tests.fire.full FOLDER`: what a log in this folder does when its disk is full, and when there is room again.

The folder is alone on a small disk. Prints what it was told while the disk was full, a line each.
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

PIECE: Final = 4096
NOTE: Final = bytes(3_000)


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(PIECE))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def expect(kind: type[LogError], use: Callable[[], object]) -> None:
    """See that the use is refused so, and print the line."""
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
        put(log, [Message("in", b"k", b"%d" % i + NOTE) for i in range(20)])
        member, writer = Member(log, "group", ["in"]), log.writer("writer")
        copy(member, 5)
        batch = member.batch()

        fill(ballast)
        expect(CommitFailed, lambda: writer.write([Message("in", b"k", NOTE)], Progress(1)))
        expect(CommitFailed, lambda: member.worker.commit(batch, [Message("out", None, NOTE)]))
        expect(LogUnavailable, lambda: admin.create([TopicSpec("more", 3, CleanupPolicy.DELETE)]))
        expect(LogUnavailable, lambda: log.worker(group="group", instance="b", topics=["in"]))
        expect(LogUnavailable, lambda: log.writer("another"))
        expect(ConfigurationError, lambda: open_sqlite(f"sqlite:///{folder}/new.db"))
        assert_whole(open_sqlite(url, create=False), 5)
        assert admin.backlog("group", ["in"]) == 15

        ballast.unlink()
        assert writer.progress() is None
        copy(member, 15)
        writer.write([Message("in", b"k", b"20" + NOTE)], Progress(1))
        assert_whole(log, 20)
        # What is committed need not find its place in the file for as long as there is no room for it.
        fill(ballast)
    assert (folder / "log.db-wal").stat().st_size > 0
    with closing(open_sqlite(url)) as log:
        assert_whole(log, 20)
        assert len(read_all(log, "in")) == 21
        ballast.unlink()
        copy(Member(log, "group", ["in"]), 1)
        assert_whole(log, 21)
    assert not (folder / "log.db-wal").exists()
    os.sync()


def assert_whole(log: Log, copied: int) -> None:
    """So many records are copied, each once."""
    assert values(read_all(log, "out")) == [b"%d" % i + NOTE for i in range(copied)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
