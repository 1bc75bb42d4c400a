"""Read partitions without a consumer group, up to their current ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from kafka import TopicPartition as KafkaTopicPartition
from kafka.errors import KafkaError

from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.authorization import IdleRightsCheck, is_topic_authorization_error
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.errors import translate
from newsloom.streaming.kafka.records import to_record
from newsloom.streaming.log import Start
from newsloom.streaming.reader_start import check_offsets
from newsloom.streaming.records import Record, TopicPartition

SLICE_MS: Final = 100
"""Longest single poll: a transaction marker can complete the read without returning a record."""
POSITION_MS_MAX: Final = 5_000
CLOSE_MS_MAX: Final = 1_000


class KafkaReader:
    """`Reader` on Kafka.

    The end is the high watermark when the reader is opened, open transactions included. It is reached when the read position
    is there: the last offset may be a transaction marker. The reader sees committed records only, so it waits for those
    transactions to end. From `latest` it starts after everything committed before (`KafkaAdmin.last_stable_offsets`).
    """

    def __init__(
        self,
        clients: ClientFactory,
        admin: KafkaAdmin,
        partitions: Sequence[TopicPartition],
        *,
        start: Start,
    ) -> None:
        sources = [TopicPartition(*source) for source in partitions]
        if start == "latest":
            self._start = self._end = admin.last_stable_offsets(sources)
        else:
            self._start, self._end = admin.first_offsets(sources), admin.high_watermarks(sources)
        if isinstance(start, Mapping):
            check_offsets(start, self._end)
            self._start = {source: max(first, start[source]) for source, first in self._start.items()}
        self._check_rights = partial(admin.check_rights, read=[source.topic for source in sources])
        self._idle_check = IdleRightsCheck(self._check_rights)
        self._position = dict(self._start)
        self._consumer = clients.consumer(group_id=None)
        self._consumer.assign([KafkaTopicPartition(*source) for source in sources])
        self._seek_to_position()
        self._position_lost = False

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        """See `Reader.poll`; returns no records before the timeout if the end was reached without another record."""
        was_at_end = self.at_end()
        deadline = time.monotonic() + timeout_ms / 1000
        while True:
            left_ms = max(0, int((deadline - time.monotonic()) * 1000))
            records = self._poll_slice(max_records, min(left_ms, SLICE_MS))
            if records or left_ms == 0 or (not was_at_end and self.at_end()):
                return records

    def at_end(self) -> bool:
        """See `Reader.at_end`."""
        return all(self._position[source] >= end for source, end in self._end.items())

    def fraction_read(self) -> float:
        """See `Reader.fraction_read`."""
        total = sum(end - self._start[source] for source, end in self._end.items())
        left = sum(max(0, end - self._position[source]) for source, end in self._end.items())
        return 1.0 - left / total if total else 1.0

    def close(self) -> None:
        """See `Reader.close`."""
        try:
            self._consumer.close(timeout_ms=CLOSE_MS_MAX)
        except KafkaError:
            return  # Nobody waits for anything that the consumer holds.

    def _poll_slice(self, max_records: int, timeout_ms: int) -> list[Record]:
        self._idle_check.run_if_idle()
        try:
            if self._position_lost:
                self._seek_to_position()
                self._position_lost = False
            polled = self._consumer.poll(timeout_ms=timeout_ms, max_records=max_records)
            records = [to_record(record) for group in polled.values() for record in group]
            if records:
                self._idle_check.reset()
            for record in records:
                self._position[record.topic_partition] = record.offset + 1
            self._skip_markers()
        except KafkaError as error:
            # The library may have advanced past records that it did not return.
            self._position_lost = True
            if is_topic_authorization_error(error):
                self._check_rights()
            raise translate(error, "reading") from error
        return records

    def _skip_markers(self) -> None:
        for source, end in self._end.items():
            if self._position[source] < end:
                position = self._consumer.position(KafkaTopicPartition(*source), timeout_ms=POSITION_MS_MAX)
                self._position[source] = max(self._position[source], position or 0)

    def _seek_to_position(self) -> None:
        for source, offset in self._position.items():
            self._consumer.seek(KafkaTopicPartition(*source), offset)
