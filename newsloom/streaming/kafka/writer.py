"""Writing from outside any group, with a memory of how far the source has come."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from kafka import OffsetAndMetadata
from kafka import TopicPartition as KafkaTopicPartition
from kafka.errors import KafkaError
from kafka.structs import ConsumerGroupMetadata

from newsloom.streaming.errors import CommitFailed, ConfigurationError, Fenced, LogError, LogUnavailable
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.errors import explain, translate
from newsloom.streaming.kafka.transactions import Transactions
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Message, TopicPartition

NOTE_BYTES_MAX: Final = 4_096
"""A broker's `offset.metadata.max.bytes`, as delivered."""
FALLBACK_TOPIC: Final = "__consumer_offsets"
"""Where progress stands if there is some before there is a message: a topic that every Kafka has."""


class KafkaWriter:
    """`Writer` on Kafka: its name is its transactional id.

    Progress is an offset of a group of the same name, committed in the transaction: the position is the offset, the note
    its metadata. It stands at partition 0 of the first topic written, needs the right to read that topic and the group,
    and lasts as long as the broker keeps offsets of a group without members (`offsets.retention.minutes`, 7 days as
    delivered).
    """

    def __init__(self, clients: ClientFactory, admin: KafkaAdmin, name: str) -> None:
        self._admin = admin
        self._name = name
        self._transactions = Transactions(clients, admin, name)
        self._in_doubt = False
        self._fenced: Fenced | None = None
        self._home: TopicPartition | None = None
        self._progress: Progress | None = None
        self._progress_is_known = False
        self._transactions.open()

    def progress(self) -> Progress | None:
        """See `Writer.progress`. A transaction in doubt is settled first.

        Raises:
            LogUnavailable: the log cannot be reached.

        """
        self._settle()
        if not self._progress_is_known:
            # Final now: no transaction of this name is open, and nobody else can begin one without fencing this writer.
            found = self._admin.group_offsets(self._name, operation="Read")
            if found:
                self._home, (position, note) = min(found.items())
                self._progress = Progress(position, note)
            self._progress_is_known = True
        return self._progress

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """See `Writer.write`.

        Raises:
            ConfigurationError: a message that its topic does not take; no topic; the right to write is missing.
            ValueError: a note over `NOTE_BYTES_MAX` bytes.

        """
        if len(progress.note.encode()) > NOTE_BYTES_MAX:
            raise ValueError(f"the note of a writer's progress is over {NOTE_BYTES_MAX} bytes")
        self.progress()
        try:
            home = self._home or TopicPartition(messages[0].topic if messages else FALLBACK_TOPIC, 0)
            offset = OffsetAndMetadata(progress.position, progress.note, -1)
            self._transactions.run(messages, {KafkaTopicPartition(*home): offset}, ConsumerGroupMetadata(self._name))
        except KafkaError as error:
            self._fail(translate(error, f"writer {self._name}"), explain(error))
        except ConfigurationError as error:
            self._fail(error, str(error))
        self._home, self._progress = home, progress

    def close(self) -> None:
        """See `Writer.close`."""
        self._transactions.close()

    def _settle(self) -> None:
        if self._fenced is not None:
            raise self._fenced
        if self._in_doubt:
            self._transactions.open()
            self._in_doubt = False

    def _fail(self, error: LogError, text: str) -> NoReturn:
        self._in_doubt = True
        self._progress, self._progress_is_known = None, False
        if isinstance(error, Fenced):
            self._fenced = error
        else:
            # Ends the transaction now rather than at its timeout: until then nobody can read past it.
            with suppress(LogUnavailable):
                self._settle()
        if isinstance(error, LogUnavailable):
            raise CommitFailed(f"writer {self._name}: {text}") from error
        raise error
