"""A small service with state, for tests of the loop: it numbers the records of each partition, 1, 2, 3..."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import Message, Record, TopicPartition
from newsloom.streaming.scan import read_partitions
from newsloom.streaming.step import Outcome, Rejection

GROUP, IN, OUT, LETTERS = "tally", "in", "out", "letters"
UNREADABLE = b"unreadable"


def create_topics(log: Log, *, partitions: int = 1) -> None:
    specs = [TopicSpec(name=name, partitions=partitions, policy=CleanupPolicy.DELETE) for name in (IN, OUT, LETTERS)]
    log.admin().create(specs)


class Tally:
    """Its state is the last number of each partition. It is restored from `OUT`, to which every number is written.

    `during` is called at the end of `process`, before the records are committed.
    """

    input_topics: Sequence[str] = (IN,)

    def __init__(self, log: Log, *, during: Callable[[], None] = lambda: None) -> None:
        self.calls: list[tuple[str, int]] = []
        self.during = during
        self.out = OUT
        self._log = log
        self._last: dict[int, int] = {}

    def restore(self, partition: int) -> None:
        self.calls.append(("restore", partition))
        assert partition not in self._last, "restored twice without having been forgotten"
        self._last[partition] = 0
        for record in read_partitions(self._log, [TopicPartition(OUT, partition)]):
            self._last[partition] = int(record.value or b"")

    def forget(self, partition: int) -> None:
        self.calls.append(("forget", partition))
        del self._last[partition]

    def process(self, records: Sequence[Record]) -> Outcome:
        messages, rejected = [], []
        for record in records:
            self.calls.append(("process", record.partition))
            if record.value == UNREADABLE:
                rejected.append(Rejection(record, "this cannot be read"))
                continue
            self._last[record.partition] += 1
            value = b"%d" % self._last[record.partition]
            messages.append(Message(self.out, record.key, value, partition=record.partition))
        self.during()
        return Outcome(messages, rejected)
