"""Members, readers and writers for tests. They poll until a condition holds, with a deadline and without sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from newsloom.streaming.log import Log, Progress, Reader, Worker
from newsloom.streaming.records import Batch, Message, Record, TopicPartition

DEADLINE_S = 90
STEP_MS = 200


def steps(what: str) -> Iterator[None]:
    """Yield for each step of a loop that must end by `break` or `return`; raise AssertionError at the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        yield
    raise AssertionError(f"{what}: not within {DEADLINE_S} s")


class Member:
    """A worker that tracks its partitions and checks each batch against them."""

    def __init__(self, log: Log, group: str, topics: Sequence[str], instance: str = "0") -> None:
        self.worker: Worker = log.worker(group=group, instance=instance, topics=topics)
        self.owned: set[TopicPartition] = set()

    def poll(self, max_records: int = 100, timeout_ms: int = STEP_MS) -> Batch:
        batch = self.worker.poll(max_records=max_records, timeout_ms=timeout_ms)
        assert len(batch.records) <= max_records
        assert batch.lost <= self.owned, "lost what was never owned"
        self.owned -= batch.lost
        assert not batch.gained & self.owned, "gained what was owned already"
        self.owned |= batch.gained
        assert {record.topic_partition for record in batch.records} <= self.owned, "a record of a partition not owned"
        return batch

    def batch(self, max_records: int = 100) -> Batch:
        """Poll until a batch has records, and return it."""
        for _ in steps("a batch with records"):
            batch = self.poll(max_records)
            if batch.records:
                return batch
        raise AssertionError

    def take(self, count: int, output: Callable[[Record], Sequence[Message]] = lambda _: ()) -> list[Record]:
        """Poll and commit `count` records, with the output for each; return the records."""
        records: list[Record] = []
        while len(records) < count:
            batch = self.batch(max_records=count - len(records))
            self.worker.commit(batch, [message for record in batch.records for message in output(record)])
            records += batch.records
        return records

    def poll_until(self, condition: Callable[[], bool], *others: Member) -> None:
        """Poll this member and the others in turn until the condition holds; do not commit what they receive."""
        for _ in steps("a change of assignment"):
            if condition():
                return
            for member in (self, *others):
                member.poll()


def put(log: Log, messages: Sequence[Message], writer: str = "feeder") -> None:
    """Write messages in one transaction."""
    handle = log.writer(f"{messages[0].topic}.{writer}")
    handle.write(messages, Progress(0))
    handle.close()


def partitions_of(topic: str, count: int) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(count)]


def read_to_end(reader: Reader) -> list[Record]:
    records: list[Record] = []
    for _ in steps("the reader's end"):
        if reader.at_end():
            return records
        records += reader.poll(max_records=100, timeout_ms=STEP_MS)
    raise AssertionError


def read_all(log: Log, topic: str, partitions: int = 1) -> list[Record]:
    """Return every committed record of the topic."""
    reader = log.reader(partitions_of(topic, partitions), start="earliest")
    records = read_to_end(reader)
    reader.close()
    return records


def values(records: Sequence[Record]) -> list[bytes | None]:
    return [record.value for record in records]


def numbered(topic: str, count: int, partition: int | None = None, start: int = 0) -> list[Message]:
    """Build messages with the keys k0, k1... and the values 0, 1..."""
    return [Message(topic, b"k%d" % i, b"%d" % i, partition=partition) for i in range(start, start + count)]
