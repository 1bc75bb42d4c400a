"""Copy one topic to another exactly once: the smallest task of a worker."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import Log, Worker
from newsloom.streaming.records import Batch, Message
from tests.conformance.clients import read_all, values

DEADLINE_S: Final = 100.0


def copies(batch: Batch, out: str) -> list[Message]:
    """Convert a batch's records to messages for another topic."""
    return [Message(out, record.key, record.value) for record in batch.records]


def copy_all(worker: Worker, group: str, log: Log, topics: tuple[str, str]) -> None:
    """Copy until the backlog is empty; retry after `LogUnavailable` and `CommitFailed`."""
    source, out = topics
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with suppress(LogUnavailable, CommitFailed):
            batch = worker.poll(max_records=20, timeout_ms=200)
            worker.commit(batch, copies(batch, out))
            if not batch.records and log.admin().backlog(group, [source]) == 0:
                return
    raise AssertionError(f"not done within {DEADLINE_S:g} s")


def assert_copied_once(log: Log, out: str, count: int) -> None:
    """Assert that a topic of one partition holds exactly the records 0 to count - 1, in this order."""
    assert values(read_all(log, out)) == [b"%d" % i for i in range(count)]
