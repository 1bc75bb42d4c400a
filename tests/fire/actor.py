"""`python -m tests.fire.actor URL ROLE`: a process that stops itself (SIGSTOP) at a precise moment, until it is told to go on.

`holder`: a writer, in the middle of its transaction. `zombie`: a worker of the instance "a", between poll and commit. `sleeper`:
the same between two polls. `reader`: in the middle of a transaction that reads. What came of it is one line on standard output.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from typing import Any, Final

from newsloom.streaming.errors import LogError
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message, TopicPartition
from newsloom.streaming.sqlite import open_sqlite

SESSION_MS: Final = 300
GROUP: Final = "group"


def stop() -> None:
    """Stand still until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_at(beginning: str) -> None:
    """Let every connection from now on stop, once, before a statement that begins so."""
    connect = sqlite3.connect

    def connect_watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
        sql: sqlite3.Connection = connect(*arguments, **options)

        def look(statement: str) -> None:
            if statement.strip().startswith(beginning):
                sql.set_trace_callback(None)
                stop()

        sql.set_trace_callback(look)
        return sql

    sqlite3.connect = connect_watched  # type: ignore[assignment]  # `connect` is overloaded; this passes all on


def holder(log: Log) -> None:
    log.writer("holder").write([Message("in", b"k", b"held")], Progress(1))


def zombie(log: Log) -> None:
    worker = log.worker(group=GROUP, instance="a", topics=["in"])
    batch = worker.poll(max_records=100, timeout_ms=10_000)
    assert batch.records
    stop()
    worker.commit(batch, [Message("out", record.key, record.value) for record in batch.records])


def sleeper(log: Log) -> None:
    worker = log.worker(group=GROUP, instance="a", topics=["in"])
    worker.poll(max_records=100, timeout_ms=10_000)
    stop()
    worker.poll(max_records=100, timeout_ms=10_000)


def reader(log: Log) -> None:
    found = log.reader([TopicPartition("in", 0)], start="earliest").poll(max_records=100, timeout_ms=0)
    assert found


ROLES: Final = {"holder": holder, "zombie": zombie, "sleeper": sleeper, "reader": reader}
STOPPED_BEFORE: Final = {"holder": "INSERT INTO records", "reader": "SELECT written"}


def main(url: str, role: str) -> None:
    if role in STOPPED_BEFORE:
        stop_at(STOPPED_BEFORE[role])
    log = open_sqlite(url, session_timeout_ms=SESSION_MS)
    try:
        ROLES[role](log)
    except LogError as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print("done")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
