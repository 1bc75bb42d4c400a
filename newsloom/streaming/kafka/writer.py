"""Writing from outside any group, with a memory of how far the source has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NoReturn

from kafka import OffsetAndMetadata
from kafka import TopicPartition as KafkaTopicPartition
from kafka.errors import KafkaError
from kafka.structs import ConsumerGroupMetadata

from newsloom.streaming.errors import CommitFailed, ConfigurationError, Fenced, LogError, LogUnavailable
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.clients import Clients
from newsloom.streaming.kafka.errors import explain, translate
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message, TopicPartition

NOTE_BYTES_MAX: Final = 4_096
"""A broker's `offset.metadata.max.bytes`, as delivered."""


class KafkaWriter:
    """`Writer` on Kafka: its name is its transactional id.

    Progress is an offset of a group of the same name, committed in the transaction: the position is the offset, the note
    its metadata. It stands at partition 0 of the first topic written, needs the right to read that topic and the group,
    and lasts as long as the broker keeps offsets of a group without members (`offsets.retention.minutes`, 7 days as
    delivered).
    """

    def __init__(self, clients: Clients, admin: KafkaAdmin, name: str) -> None:
        self._admin = admin
        self._name = name
        self._transactions = Transactions(clients, name)
        self._in_doubt = False
        self._fenced: Fenced | None = None
        self._home: TopicPartition | None = None
        self._transactions.open()

    def progress(self) -> Progress | None:
        """See `Writer.progress`. A transaction in doubt is settled first.

        Raises:
            LogUnavailable: the log cannot be reached.

        """
        self._settle()
        found = self._admin.group_offsets(self._name)
        if not found:
            return None
        self._home, (position, note) = min(found.items())
        return Progress(position, note)

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """See `Writer.write`.

        Raises:
            ConfigurationError: a message that its topic does not take; no topic; the right to write is missing.
            ValueError: a note over `NOTE_BYTES_MAX` bytes.

        """
        if len(progress.note.encode()) > NOTE_BYTES_MAX:
            raise ValueError(f"the note of a writer's progress is over {NOTE_BYTES_MAX} bytes")
        if self._fenced is None and not self._in_doubt and self._home is None:
            self.progress()
        try:
            self._settle()
            home = self._home or self._new_home(messages)
            offset = OffsetAndMetadata(progress.position, progress.note, -1)
            self._transactions.run(messages, {KafkaTopicPartition(*home): offset}, ConsumerGroupMetadata(self._name))
        except KafkaError as error:
            self._fail(translate(error, f"writer {self._name}"), explain(error))
        except ConfigurationError as error:
            self._fail(error, str(error))
        self._home = home

    def close(self) -> None:
        """See `Writer.close`."""
        self._transactions.close()

    def _new_home(self, messages: Sequence[Message]) -> TopicPartition:
        topic = messages[0].topic if messages else self._admin.any_topic()
        return TopicPartition(topic, 0)

    def _settle(self) -> None:
        if self._fenced is not None:
            raise self._fenced
        if self._in_doubt:
            self._transactions.open()
            self._in_doubt = False

    def _fail(self, error: LogError, text: str) -> NoReturn:
        self._in_doubt = True
        self._transactions.close()
        if isinstance(error, Fenced):
            self._fenced = error
        if isinstance(error, LogUnavailable):
            raise CommitFailed(f"writer {self._name}: {text}") from error
        raise error
