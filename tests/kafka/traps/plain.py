"""kafka-python used as its documentation has it, for what comes of that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from tests.conformance.driving import steps

IMPATIENT: Final[Mapping[str, int]] = {
    "request_timeout_ms": 1_500,
    "delivery_timeout_ms": 2_500,
    "linger_ms": 0,
    "max_block_ms": 20_000,
    "reconnect_backoff_max_ms": 200,
}
"""Settings that an operator may choose: what takes minutes with the library's own takes seconds."""

HANGS_S: Final = 4.0
"""Longer than any of these timeouts: a call that has not ended by then waits for nothing any more."""

SLOW: Final[Mapping[str, int]] = {
    "session_timeout_ms": 2_000,
    "heartbeat_interval_ms": 300,
    "max_poll_interval_ms": 3_000,
}
"""A member that does not poll for 3 s is out of its group."""


@contextmanager
def producer(address: str, **settings: Any) -> Iterator[Any]:
    """A producer, ready for its first transaction if it has a transactional id; let go at the end, whatever its state."""
    made = KafkaProducer(**{"bootstrap_servers": address, **IMPATIENT, **settings})
    try:
        if "transactional_id" in settings:
            made.init_transactions()
        yield made
    finally:
        # Not close(): after many of these traps it does not return.
        made._sender.force_close()
        made._closed = True


@contextmanager
def consumer(address: str, topic: str, group: str, **settings: Any) -> Iterator[Any]:
    """A member of a group, as the documentation of transactions wants it."""
    fixed = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}
    made = KafkaConsumer(bootstrap_servers=address, group_id=group, **fixed, **settings)
    try:
        # Another trap: a leader that has not heard of the topic yet gives its partitions to nobody.
        for _ in steps("the topic's partitions"):
            if made.partitions_for_topic(topic):
                break
        made.subscribe([topic])
        yield made
    finally:
        made.close(timeout_ms=1_000)


def offsets(topic: str, *positions: int) -> dict[Any, OffsetAndMetadata]:
    """Positions in the topic's first partitions."""
    return {TopicPartition(topic, number): OffsetAndMetadata(at, "", -1) for number, at in enumerate(positions)}


def offset(source: Any, position: int) -> dict[Any, OffsetAndMetadata]:
    """A position in one partition."""
    return {source: OffsetAndMetadata(position, "", -1)}


def poll_until(condition: Callable[[], bool], *consumers: Any) -> None:
    """Poll these consumers in turn until the condition holds."""
    for _ in steps("what the consumers do"):
        if condition():
            return
        for one in consumers:
            one.poll(100)


def copy(producer: Any, records: Iterable[Any], out: str, member: Any) -> None:
    """Records and the offsets behind them in one transaction, as the documentation has it."""
    producer.begin_transaction()
    behind: dict[Any, OffsetAndMetadata] = {}
    for record in records:
        producer.send(out, key=record.key, value=record.value)
        behind |= offset(TopicPartition(record.topic, record.partition), record.offset + 1)
    producer.send_offsets_to_transaction(behind, member)
    producer.commit_transaction()


class Call:
    """A call in a thread of its own, which may never return."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, name="call that may hang", daemon=True)
        self._thread.start()

    def ends_within(self, seconds: float) -> bool:
        """Whether it has returned, or raised `error`, so many seconds from now."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 - kept for whoever asks
            self.error = error
