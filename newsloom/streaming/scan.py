"""Read topics from their first record to their end, without a consumer group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from newsloom.streaming.log import Log
from newsloom.streaming.records import Record, TopicPartition

RECORDS_MAX: Final = 500
POLL_TIMEOUT_MS: Final = 500


def topic_partitions(log: Log, topic: str) -> list[TopicPartition]:
    """Return every partition of the topic; raise `ConfigurationError` if it does not exist or may not be read."""
    admin = log.admin()
    # First, so that the error names the missing right: without it Kafka hides the topic.
    admin.check_rights(read=[topic])
    # Not `describe`: that takes the right to read the topic's configuration.
    return sorted(admin.end_offsets([topic]))


def read_topic(log: Log, topic: str) -> Iterator[Record]:
    """Yield every committed record of the topic; raise as `topic_partitions` and `read_partitions` do."""
    yield from read_partitions(log, topic_partitions(log, topic))


def read_partitions(
    log: Log,
    partitions: Sequence[TopicPartition],
    *,
    records_max: int = RECORDS_MAX,
    on_progress: Callable[[int, float], None] = lambda _records, _fraction: None,
) -> Iterator[Record]:
    """Yield every committed record up to the ends at the time of the first step, in offset order within each partition.

    After each poll of at most `records_max` records, and when its records have been consumed, `on_progress` is called with
    their number and the fraction read so far (0 to 1). An end is an offset, not the last record: on Kafka, transaction
    markers take offsets too.

    Raises:
        LogUnavailable: the log went away; start over.

    """
    reader = log.reader(partitions, start="earliest")
    try:
        while not reader.at_end():
            records = reader.poll(max_records=records_max, timeout_ms=POLL_TIMEOUT_MS)
            yield from records
            on_progress(len(records), reader.fraction_read())
    finally:
        reader.close()


def latest_by_key(records: Iterable[Record]) -> list[Record]:
    """Return what compaction leaves of a topic's records: the last of each key in each partition, without tombstones.

    The result is in the order of partition and offset.
    """
    latest: defaultdict[int, dict[bytes | None, Record]] = defaultdict(dict)
    for record in records:
        partition = latest[record.partition]
        # Remove it first: a key that is set again would keep its old position in the dictionary.
        partition.pop(record.key, None)
        if record.value is not None:
            partition[record.key] = record
    return [record for number in sorted(latest) for record in latest[number].values()]
