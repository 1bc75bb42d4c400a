"""`python -m tests.sqlite_faults.stopped_process URL ROLE`: a process that stops itself (SIGSTOP) at a given point.

`holder`: a writer, in its transaction, with the lock. `zombie`: a worker of the instance "a", between poll and commit.
`sleeper`: the same, between two polls. `reader`: a reader, in its transaction. It prints its result in one line.
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
    """Stop this process until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def stop_before(beginning: str) -> None:
    """Make each new connection stop the process once, before a statement that starts with `beginning`."""
    connect = sqlite3.connect

    def connect_traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        sql: sqlite3.Connection = connect(*arguments, **options)

        def trace(statement: str) -> None:
            if statement.strip().startswith(beginning):
                sql.set_trace_callback(None)
                stop()

        sql.set_trace_callback(trace)
        return sql

    sqlite3.connect = connect_traced  # type: ignore[assignment]  # `connect` is overloaded; this passes all arguments


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
        stop_before(STOPPED_BEFORE[role])
    log = open_sqlite(url, session_timeout_ms=SESSION_MS)
    try:
        ROLES[role](log)
    except LogError as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print("done")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
