"""kafka-python used as its documentation says, to show how it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from tests.conformance.clients import steps

SHORT_TIMEOUTS: Final[Mapping[str, int]] = {
    "request_timeout_ms": 1_500,
    "delivery_timeout_ms": 2_500,
    "linger_ms": 0,
    "max_block_ms": 20_000,
    "reconnect_backoff_max_ms": 200,
}
"""Allowed settings with which failures take seconds; with the library's defaults they take minutes."""

HANGS_S: Final = 4.0
"""Longer than these timeouts: a call that has not returned after this time hangs."""

SHORT_SESSION: Final[Mapping[str, int]] = {
    "session_timeout_ms": 2_000,
    "heartbeat_interval_ms": 300,
    "max_poll_interval_ms": 3_000,
}
"""A member that does not poll for 3 s is evicted from its group."""


@contextmanager
def producer(address: str, **settings: Any) -> Iterator[Any]:
    """Yield a producer, with transactions initialized if it has a transactional id; stop it at the end in any state."""
    client = KafkaProducer(**{"bootstrap_servers": address, **SHORT_TIMEOUTS, **settings})
    try:
        if "transactional_id" in settings:
            client.init_transactions()
        yield client
    finally:
        # Not close(): after many of these failures it does not return.
        client._sender.force_close()
        client._closed = True


@contextmanager
def consumer(address: str, topic: str, group: str, **settings: Any) -> Iterator[Any]:
    """Yield a member of a group, configured as the documentation of transactions says."""
    fixed = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    client = KafkaConsumer(bootstrap_servers=address, group_id=group, **fixed, **settings)
    try:
        # Another trap: a leader without the topic in its metadata assigns its partitions to nobody.
        for _ in steps("the topic's partitions"):
            if client.partitions_for_topic(topic):
                break
        client.subscribe([topic])
        yield client
    finally:
        client.close(timeout_ms=1_000)


def offsets(topic: str, *positions: int) -> dict[Any, OffsetAndMetadata]:
    """Return offsets of the topic's first partitions."""
    return {
        TopicPartition(topic, number): OffsetAndMetadata(position, "", -1) for number, position in enumerate(positions)
    }


def offset(source: Any, position: int) -> dict[Any, OffsetAndMetadata]:
    """Return the offset of one partition."""
    return {source: OffsetAndMetadata(position, "", -1)}


def poll_until(condition: Callable[[], bool], *consumers: Any) -> None:
    """Poll these consumers in turn until the condition holds."""
    for _ in steps("the condition"):
        if condition():
            return
        for one in consumers:
            one.poll(100)


def copy(producer: Any, records: Iterable[Any], out: str, member: Any) -> None:
    """Write the records and commit their offsets in one transaction, as the documentation says."""
    producer.begin_transaction()
    committed: dict[Any, OffsetAndMetadata] = {}
    for record in records:
        producer.send(out, key=record.key, value=record.value)
        committed |= offset(TopicPartition(record.topic, record.partition), record.offset + 1)
    producer.send_offsets_to_transaction(committed, member)
    producer.commit_transaction()


class Call:
    """A call in its own thread, because it may never return."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, name="call that may hang", daemon=True)
        self._thread.start()

    def ends_within(self, seconds: float) -> bool:
        """Return whether the call returns, or raises `error`, within this time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 - kept for the test
            self.error = error
