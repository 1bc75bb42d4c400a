"""A process for the tests to kill: it copies topic `in` to topic `out`, and a running count to topic `count`, until it is killed.

python -m tests.conformance.copier URL INSTANCE SESSION_TIMEOUT_MS
"""

from __future__ import annotations

import sys
from collections import Counter

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.records import Message, TopicPartition
from newsloom.streaming.scan import read_partitions
from newsloom.streaming.sqlite import open_sqlite

GROUP = "copiers"
BATCH_MAX = 7


def main(url: str, instance: str, session_timeout_ms: int) -> None:
    log = open_sqlite(url, session_timeout_ms=session_timeout_ms)
    worker = log.worker(group=GROUP, instance=instance, topics=["in"])
    counts: Counter[int] = Counter()
    unrestored: set[TopicPartition] = set()
    owned: set[TopicPartition] = set()
    while True:
        batch = worker.poll(max_records=BATCH_MAX, timeout_ms=100)
        owned = (owned - batch.lost) | batch.gained
        for source in sorted((unrestored | batch.gained) & owned):
            restored = [record.value for record in read_partitions(log, [TopicPartition("count", source.partition)])]
            counts[source.partition] = int(restored[-1] or b"") if restored else 0
        unrestored = set()
        messages = []
        for record in batch.records:
            counts[record.partition] += 1
            messages.append(Message("out", record.key, record.value, partition=record.partition))
            count = b"%d" % counts[record.partition]
            messages.append(Message("count", b"count", count, partition=record.partition))
        try:
            worker.commit(batch, messages)
        except CommitFailed:
            unrestored = owned


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
