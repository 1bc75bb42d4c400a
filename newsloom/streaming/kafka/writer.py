"""Write outside consumer groups, and store the progress of the source in each transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from kafka import OffsetAndMetadata
from kafka import TopicPartition as KafkaTopicPartition
from kafka.errors import KafkaError
from kafka.structs import ConsumerGroupMetadata

from newsloom.streaming.errors import ClockRefused, CommitFailed, ConfigurationError, Fenced, LogError, LogUnavailable
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.errors import explain, translate
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message, TopicPartition

NOTE_BYTES_MAX: Final = 4_096
"""A broker's default `offset.metadata.max.bytes`."""
FALLBACK_TOPIC: Final = "__consumer_offsets"
"""Topic of the progress if the first transaction has no message and no topic was named: every Kafka has this topic."""


class KafkaWriter:
    """`Writer` on Kafka: its name is its transactional id.

    Progress is stored as a committed offset of a group of the same name, for partition 0 of `progress_topic`, or of the first
    topic written: the position is the offset, the note its metadata. This needs the right to read that topic and the group. The
    broker keeps the offsets of a group without members for `offsets.retention.minutes`, by default 7 days.
    """

    def __init__(self, clients: ClientFactory, admin: KafkaAdmin, name: str, progress_topic: str) -> None:
        self._admin = admin
        self._name = name
        self._progress_topic = progress_topic
        self._transactions = Transactions(clients, admin, name)
        self._outcome_unknown = False
        self._fenced: Fenced | None = None
        self._progress_source: TopicPartition | None = None
        self._progress: Progress | None = None
        self._progress_is_known = False
        self._transactions.open()

    def progress(self) -> Progress | None:
        """See `Writer.progress`. First ends a transaction whose outcome is unknown.

        Raises:
            LogUnavailable: no broker answers.

        """
        self._end_transaction()
        if not self._progress_is_known:
            # The offset is final: no transaction of this name is open, and another process must fence this writer to begin one.
            found = self._admin.group_offsets(self._name, operation="Read")
            if found:
                self._progress_source, (position, note) = min(found.items())
                self._progress = Progress(position, note)
            self._progress_is_known = True
        return self._progress

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """See `Writer.write`.

        Raises:
            ConfigurationError: a message is invalid, or a topic or the right to write is missing.
            ClockRefused: the time of a message is too far in the future of the broker's clock, or too old for its topic.
            ValueError: the note is longer than `NOTE_BYTES_MAX` bytes.

        """
        if len(progress.note.encode()) > NOTE_BYTES_MAX:
            raise ValueError(f"the note of a writer's progress is longer than {NOTE_BYTES_MAX} bytes")
        self.progress()
        try:
            topic = self._progress_topic or (messages[0].topic if messages else FALLBACK_TOPIC)
            partition = self._progress_source or TopicPartition(topic, 0)
            offset = OffsetAndMetadata(progress.position, progress.note, -1)
            self._transactions.run(
                messages, {KafkaTopicPartition(*partition): offset}, ConsumerGroupMetadata(self._name)
            )
        except KafkaError as error:
            self._fail(translate(error, f"writer {self._name}"), explain(error))
        except (ConfigurationError, ClockRefused) as error:
            self._fail(error, str(error))
        self._progress_source, self._progress = partition, progress

    def discard(self) -> None:
        """See `Writer.discard`."""
        self._end_transaction()
        self._admin.delete_group(self._name)
        self._progress, self._progress_source, self._progress_is_known = None, None, False

    def close(self) -> None:
        """See `Writer.close`."""
        self._transactions.close()

    def _end_transaction(self) -> None:
        if self._fenced is not None:
            raise self._fenced
        if self._outcome_unknown:
            self._transactions.open()
            self._outcome_unknown = False

    def _fail(self, error: LogError, text: str) -> NoReturn:
        self._outcome_unknown = True
        self._progress, self._progress_is_known = None, False
        if isinstance(error, Fenced):
            self._fenced = error
        else:
            # End the transaction now: until its timeout, nobody could read past it.
            with suppress(LogUnavailable):
                self._end_transaction()
        if isinstance(error, LogUnavailable):
            raise CommitFailed(f"writer {self._name}: {text}") from error
        raise error
