"""Run transactions under one transactional id."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from kafka.errors import InvalidRecordError, InvalidTimestampError, KafkaError, MessageSizeTooLargeError

from newsloom.streaming.errors import ClockRefused, ConfigurationError
from newsloom.streaming.kafka.admin import KafkaAdmin
from newsloom.streaming.kafka.authorization import authorization_error, is_topic_authorization_error
from newsloom.streaming.kafka.clients import NULL_VALUE, ClientFactory, TransactionalProducer, seconds_left
from newsloom.streaming.kafka.errors import explain, translate
from newsloom.streaming.log import TopicSpec
from newsloom.streaming.partitioning import partition_of
from newsloom.streaming.records import Message, TopicPartition

TRANSACTION_S_MAX: Final = 35.0
RECORD_OVERHEAD_BYTES: Final = 96
"""Upper bound of the bytes that a record, alone in its batch, needs beside key, value and headers."""
HEADER_OVERHEAD_BYTES: Final = 10
"""Upper bound of the bytes of a header's two length fields."""


class Transactions:
    """Runs transactions one after another. After an error, call `open` before the next one: it builds a new producer.

    kafka-python's producer keeps state of a failed transaction (offsets, sequence numbers, an epoch) that leaks into the next
    one, even after an abort.
    """

    def __init__(self, clients: ClientFactory, admin: KafkaAdmin, transactional_id: str) -> None:
        self._clients = clients
        self._admin = admin
        self._topics: dict[str, TopicSpec] = {}
        self._id = transactional_id
        self._producer: TransactionalProducer | None = None

    def open(self) -> None:
        """Take over the transactional id: its open transaction ends, and another producer that uses it is fenced.

        Raises:
            ConfigurationError: the right to the id is missing.
            LogUnavailable: the coordinator does not answer; open again.

        """
        self.close()
        producer = self._clients.producer(self._id)
        try:
            producer.init_transactions()
        except KafkaError as error:
            producer.close_now()
            right = authorization_error(error, transactional_id=self._id)
            raise (right or translate(error, f"taking over transactional id {self._id}")) from error
        except BaseException:
            producer.close_now()
            raise
        self._producer = producer

    def run(self, messages: Sequence[Message], offsets: Mapping[Any, Any], member: Any) -> None:
        """Write messages and offsets, all or nothing. `member` is the member of the group that polled the offsets.

        1. Check every message: if a broker rejects one, the producer is unusable. 2. Begin. 3. Send. 4. Flush, within the time
        limit of the transaction. 5. Check every future: the commit does not report a record that has expired. 6. Add the
        offsets as the member that polled them: the broker refuses a member of an older generation. 7. Commit.

        Raises:
            ConfigurationError: a message is invalid, or a topic, partition or right is missing.
            ClockRefused: a message is too far in the future of the broker's clock, or too old for its topic.
            KafkaError: any other failure; the outcome is unknown until `open` has returned.

        """
        producer = self._producer
        if producer is None:
            raise KafkaError("the producer was closed after an error")
        self._check_messages(messages, producer.config["max_request_size"])
        try:
            self._transact(producer, messages, offsets, member)
        except KafkaError as error:
            self._raise_missing_right(error, messages, offsets, member)
            raise

    def _raise_missing_right(
        self, error: KafkaError, messages: Sequence[Message], offsets: Mapping[Any, Any], member: Any
    ) -> None:
        if right := authorization_error(error, group=member.group_id, transactional_id=self._id):
            raise right from error
        if is_topic_authorization_error(error):
            self._admin.check_rights(
                read=(topic for topic, _ in offsets), write=(message.topic for message in messages)
            )

    def _transact(
        self, producer: TransactionalProducer, messages: Sequence[Message], offsets: Mapping[Any, Any], member: object
    ) -> None:
        deadline = time.monotonic() + TRANSACTION_S_MAX
        producer.begin_transaction()
        futures = [_send(producer, message, self._partition(message)) for message in messages]
        producer.flush(seconds_left(deadline))
        _check_written(messages, futures)
        if offsets:
            producer.send_offsets(offsets, member, timeout_s=seconds_left(deadline))
        producer.commit(timeout_s=seconds_left(deadline))

    def _check_messages(self, messages: Sequence[Message], request_bytes_max: int) -> None:
        unknown = [
            target
            for target in _highest_partitions(messages)
            if target.topic not in self._topics or target.partition >= self._topics[target.topic].partitions
        ]
        if unknown:
            self._admin.check_rights(write=(target.topic for target in unknown))
            self._admin.check_exist(unknown)
            self._topics |= self._admin.describe([target.topic for target in unknown])
        for message in messages:
            limit = self._topics[message.topic].max_record_bytes
            if _size(message) > limit:
                raise _too_large(message, f"the topic's max.message.bytes={limit}")
            if _size(message) > request_bytes_max:
                raise _too_large(message, f"NEWSLOOM_KAFKA_MAX_REQUEST_SIZE={request_bytes_max}")

    def _partition(self, message: Message) -> int | None:
        if message.partition is not None or message.partition_key is None:
            return message.partition
        return partition_of(message.partition_key, self._topics[message.topic].partitions)

    def close(self) -> None:
        """Close the producer, if there is one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.close_now()


def _send(producer: TransactionalProducer, message: Message, partition: int | None) -> Any:
    return producer.send(
        message.topic,
        key=message.key,
        value=NULL_VALUE if message.value is None else message.value,
        headers=list(message.headers),
        partition=partition,
        timestamp_ms=message.timestamp_ms,
    )


def _check_written(messages: Sequence[Message], futures: Sequence[Any]) -> None:
    failed = [(message, future.exception) for message, future in zip(messages, futures, strict=True) if future.failed()]
    for message, error in failed:
        # Check this error first: the other records of its batch have failed too, but their errors give no cause.
        if isinstance(error, MessageSizeTooLargeError):
            raise _too_large(message, "the topic's max.message.bytes") from error
        if isinstance(error, InvalidTimestampError):
            raise ClockRefused(
                f"topic {message.topic} rejects the time of a message, {_time(message)}: {explain(error)}; the clock of this "
                "machine, of the message's producer or of the broker is wrong"
            ) from error
        if isinstance(error, InvalidRecordError):
            raise ConfigurationError(f"topic {message.topic} rejects a message: {explain(error)}") from error
    for future in futures:
        future.get(timeout=0)


def _highest_partitions(messages: Sequence[Message]) -> list[TopicPartition]:
    highest: dict[str, int] = {}
    for message in messages:
        highest[message.topic] = max(highest.get(message.topic, 0), message.partition or 0)
    return [TopicPartition(*target) for target in highest.items()]


def _time(message: Message) -> str:
    at_ms = time.time() * 1000 if message.timestamp_ms is None else message.timestamp_ms
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _too_large(message: Message, limit: str) -> ConfigurationError:
    return ConfigurationError(
        f"a message for {message.topic} with key {message.key!r:.200} has {_size(message)} bytes, over {limit}; "
        "raise the limit"
    )


def _size(message: Message) -> int:
    return message.size_bytes + RECORD_OVERHEAD_BYTES + HEADER_OVERHEAD_BYTES * len(message.headers)
