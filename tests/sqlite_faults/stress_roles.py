"""`python -m tests.sqlite_faults.stress_roles URL ROLE NAME`: one of several processes on one file, to be killed.

`feeder`: writes numbered records to every partition of `in`. `copier`: a member of the group that copies `in` to `out`, counts in
`count` (compacted) and writes to `noise` (with retention). `reader`: reads `out` again and again. Each prints what it is
about to do and what it has done:

    try N | done N                 feeder: transaction N
    done PARTITION OFFSET          copier: everything before OFFSET in this partition of `in` is copied
    saw PARTITION OFFSET CRC       reader: the checksum of all values up to this one
    exit LINE                      the error that ended the process

The clock runs sixty times as fast, so that sessions, compaction and retention take seconds.
"""

from __future__ import annotations

import logging
import random
import signal
import sys
import threading
import zlib
from collections import Counter
from typing import Final

import structlog

from newsloom.streaming.errors import CommitFailed, Fenced, LogUnavailable
from newsloom.streaming.log import CleanupPolicy, Log, Progress, TopicSpec
from newsloom.streaming.records import Message, TopicPartition
from newsloom.streaming.scan import read_partitions
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.log import wall_clock_ms

PARTITIONS: Final = 4
GROUP: Final = "copiers"
SPEED: Final = 60
KEYS: Final = 5
SPECS: Final = (
    TopicSpec("in", PARTITIONS, CleanupPolicy.DELETE),
    TopicSpec("out", PARTITIONS, CleanupPolicy.DELETE),
    TopicSpec("count", PARTITIONS, CleanupPolicy.COMPACT),
    TopicSpec("noise", 1, CleanupPolicy.DELETE, retention_ms=60_000),
)


def open_fast(url: str) -> Log:
    return open_sqlite(url, clock=lambda: SPEED * wall_clock_ms())


def report(*words: object) -> None:
    # One write, so that a line is complete or missing.
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def feeder(log: Log, name: str, stop: threading.Event) -> None:
    writer = log.writer(name)
    done = writer.progress()
    number = done.position if done else 0
    while not stop.wait(0.002):
        number += 1
        report("try", number)
        value = b"%s %d" % (name.encode(), number)
        messages = [Message("in", b"k", value, partition=partition) for partition in range(PARTITIONS)]
        writer.write(messages, Progress(number))
        report("done", number)


def copier(log: Log, instance: str, stop: threading.Event) -> None:
    worker = log.worker(group=GROUP, instance=instance, topics=["in"])
    rng = random.Random(instance)  # noqa: S311 - not for security
    counts: dict[int, Counter[bytes]] = {}
    owned: set[int] = set()
    while not stop.is_set():
        batch = worker.poll(max_records=rng.randrange(1, 40), timeout_ms=50)
        owned = (owned - {source.partition for source in batch.lost}) | {source.partition for source in batch.gained}
        for source in batch.lost | batch.gained:
            counts.pop(source.partition, None)
        messages = [Message("noise", None, bytes(500))] if batch.records else []
        for partition in owned - counts.keys():
            counts[partition] = read_counts(log, partition)
        for record in batch.records:
            key = b"key %d" % (record.offset % KEYS)
            counts[record.partition][key] += 1
            messages.append(Message("out", record.key, record.value, partition=record.partition))
            count = b"%d" % counts[record.partition][key]
            messages.append(Message("count", key, count, partition=record.partition))
        try:
            worker.commit(batch, messages)
        except CommitFailed:
            counts.clear()
            continue
        for partition, offset in {record.partition: record.offset + 1 for record in batch.records}.items():
            report("done", partition, offset)


def read_counts(log: Log, partition: int) -> Counter[bytes]:
    records = read_partitions(log, [TopicPartition("count", partition)])
    latest = {record.key or b"": record.value or b"" for record in records}
    return Counter({key: int(value) for key, value in latest.items()})


def reader(log: Log, _name: str, stop: threading.Event) -> None:
    while not stop.is_set():
        for partition in range(PARTITIONS):
            records = list(read_partitions(log, [TopicPartition("out", partition)]))
            assert [record.offset for record in records] == list(range(len(records)))
            for record in records[-1:]:
                report("saw", partition, record.offset, zlib.crc32(b"".join(one.value or b"" for one in records)))
            read_counts(log, partition)


ROLES: Final = {"feeder": feeder, "copier": copier, "reader": reader}


def main(url: str, role: str, name: str) -> None:
    # Standard output is for the reports.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    log = open_fast(url)
    try:
        ROLES[role](log, name, stop)
    except (Fenced, LogUnavailable, CommitFailed) as error:
        report("exit", f"{type(error).__name__}: {error}")
        sys.exit(75)
    finally:
        log.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
