"""Reading a partition from its first record to its end, as a restore does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import structlog

from newsloom.streaming.log import Log
from newsloom.streaming.records import Record, TopicPartition

RECORDS_MAX: Final = 2_000
POLL_TIMEOUT_MS: Final = 500

_log = structlog.get_logger("newsloom.restore")


def read_to_end(log: Log, source: TopicPartition) -> Iterator[Record]:
    """Every committed record of the partition, up to the end that stands at the first step of the iteration.

    The end is the reader's position, not the last record: transaction markers take offsets too.

    Raises:
        LogUnavailable: the log went away; start over.

    """
    reader = log.reader([source], start="earliest")
    records = 0
    try:
        while not reader.at_end():
            for record in reader.poll(max_records=RECORDS_MAX, timeout_ms=POLL_TIMEOUT_MS):
                records += 1
                yield record
            _log.debug(
                "restore.progress", topic=source.topic, partition=source.partition, fraction=reader.fraction_read()
            )
    finally:
        reader.close()
    _log.info("restore.read", topic=source.topic, partition=source.partition, records=records)
