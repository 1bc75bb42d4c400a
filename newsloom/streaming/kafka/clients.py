"""kafka-python's clients, configured and mended. Its private parts are used here, in `connections` and `header_names` alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaConfigurationError, KafkaConnectionError, KafkaError, KafkaTimeoutError, RetriableError
from kafka.serializer import Serializer
from kafka.structs import MemberState

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.kafka.assignor import TopicwiseAssignor
from newsloom.streaming.kafka.bootstrap_check import check_bootstrap_servers
from newsloom.streaming.kafka.client_log import CLIENT_LOG_FILTER
from newsloom.streaming.kafka.errors import explain, translate
from newsloom.streaming.kafka.network_client import NetworkClient
from newsloom.streaming.kafka.options import Config
from newsloom.streaming.kafka.record_decoding import LenientPartitionRecords

# Longer than a broker's session (9 s): a record outlives the failover of its leader.
DELIVERY_TIMEOUT_MS: Final = 30_000
TRANSACTION_S_MAX: Final = 35.0
# Longer than TRANSACTION_S_MAX: a broker never ends the transaction of a process that still works on it, which would
# look like fencing. It only counts for a process that does not come back; its successor ends the transaction at once.
TRANSACTION_TIMEOUT_MS: Final = 60_000
INIT_MS_MAX: Final = 15_000
JOIN_AGAIN_S: Final = 5.0
ASK_AGAIN_S: Final = 0.2
NULL_VALUE: Final = object()
"""A record's missing value: kafka-python refuses None beside a missing key, which a log may well hold."""

_NETWORK: Final[Config] = {
    "client_id": "newsloom",
    "bootstrap_timeout_ms": 10_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 1_000,
}
_CONSUMER: Final[Config] = {
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 2_000,
    # New partitions are seen after this long. The library's five minutes are long for records that nobody reads.
    "metadata_max_age_ms": 30_000,
    # An eager one, not the cooperative one: a member that was evicted goes on claiming what it held, and the leader, waiting
    # for it to let go, gives the partition to nobody.
    "partition_assignment_strategy": (TopicwiseAssignor,),
}
_PRODUCER: Final[Config] = {
    "transaction_timeout_ms": TRANSACTION_TIMEOUT_MS,
    "delivery_timeout_ms": DELIVERY_TIMEOUT_MS,
    "max_block_ms": INIT_MS_MAX,
    # Also the pause after every transaction's first request: with the default of 100, 20 transactions a second.
    "retry_backoff_ms": 10,
    "linger_ms": 5,
    "batch_size": 65_536,
    "compression_type": "lz4",
    # Above any topic's limit, so that the topic's own limit decides.
    "max_request_size": 8_388_608,
}


class _NullSerializer(Serializer):  # type: ignore[misc]  # kafka-python ships no types
    def serialize(self, topic: str, headers: object, data: object) -> object:  # noqa: ARG002 - kafka-python's signature
        return None if data is NULL_VALUE else data


class TransactionalProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python ships no types
    """A producer whose transactional calls end: the library's wait for ever while no coordinator answers."""

    def send_offsets(self, offsets: Mapping[Any, Any], group_metadata: object, *, timeout_s: float) -> None:
        """`send_offsets_to_transaction` with a timeout in seconds; raises `KafkaTimeoutError`."""
        self._wait(self._transaction_manager.send_offsets_to_transaction(offsets, group_metadata), timeout_s)

    def commit(self, *, timeout_s: float) -> None:
        """`commit_transaction` with a timeout in seconds; raises `KafkaTimeoutError`."""
        self._wait(self._transaction_manager.begin_commit(), timeout_s)

    def drop(self) -> None:
        """Let go at once, and of an open transaction too: `abort_transaction` can hang, a successor's start ends it."""
        try:
            self.close(timeout=0)
        except KafkaError:
            self._sender.force_close()  # close() gives up when its flush times out

    def _wait(self, result: Any, timeout_s: float) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=max(0.0, timeout_s) * 1000):
            raise KafkaTimeoutError(f"no answer from the transaction coordinator for {timeout_s:.0f} s")


class GroupConsumer(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """A consumer that finishes a join which ended between two polls, sees new partitions, and says when it is fenced.

    The library's throws such a join away and asks for another, which makes every member join again: a group whose members
    are busy between polls may never come to rest. It leaves watching for new partitions to the leader, who is not told that it
    is one when it comes back under its static name: then nobody watches. Of a `group.instance.id` taken by another it only
    stops the heartbeats.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._fetcher.PartitionRecords = LenientPartitionRecords
        coordinator = self._coordinator
        join = coordinator.join_group_async

        async def finish_or_join(timeout_ms: float | None = None) -> Any:
            ended = coordinator._join_task
            if ended is not None and ended.is_done and not isinstance(ended.exception, KafkaTimeoutError):
                coordinator._join_task = coordinator._manager.call_soon(_result, ended)
            return await join(timeout_ms=timeout_ms)

        coordinator.join_group_async = finish_or_join
        (self._assignor,) = coordinator._assignors.values()
        self._joins_again_at = 0.0

    def poll(self, *args: Any, **kwargs: Any) -> Any:
        """`KafkaConsumer.poll`; joins again if there are more partitions than were given out."""
        now = time.monotonic()
        if now >= self._joins_again_at and self._has_new_partitions():
            # Not at every poll: the leader may have to hear of them first.
            self._joins_again_at = now + JOIN_AGAIN_S
            self._coordinator.request_rejoin()
        return super().poll(*args, **kwargs)

    def learn(self, topics: Sequence[str], *, timeout_s: float) -> None:
        """Learn the partitions of these topics from whichever broker answers; raises `KafkaError`.

        The library asks one, which may be the one that is away: until the cluster has given it up, a third of the starts fail.
        """
        deadline = time.monotonic() + timeout_s
        for topic in topics:
            while True:
                try:
                    self.partitions_for_topic(topic)
                    break
                except RetriableError:
                    if not seconds_left(deadline):
                        raise
                    time.sleep(ASK_AGAIN_S)

    def _has_new_partitions(self) -> bool:
        there_are = self._coordinator._cluster.partitions_for_topic
        return any(len(there_are(topic) or ()) > count for topic, count in self._assignor.given_out.items())

    def is_fenced(self) -> bool:
        """Whether the group's coordinator has refused a heartbeat because the identity is another's."""
        coordinator = self._coordinator
        with coordinator._lock:
            stable = coordinator.state is MemberState.STABLE and not coordinator.rejoining
            return stable and not coordinator._heartbeat_enabled


async def _result(future: Any) -> Any:
    return await future


class ClientFactory:
    """Makes clients of one Kafka. Each method opens connections and raises `LogUnavailable` or `ConfigurationError`."""

    def __init__(self, addresses: Sequence[tuple[str, int]], options: Config) -> None:
        self._addresses = tuple(addresses)
        self._options = options
        self.servers = ",".join(f"{host}:{port}" for host, port in addresses)

    def check(self) -> None:
        """Return if a broker can be reached."""
        self._bootstrap(lambda: check_bootstrap_servers(self._addresses, {**_NETWORK, **self._options}))

    def admin(self) -> Any:
        """A `KafkaAdminClient`."""
        return self._make(KafkaAdminClient, {})

    def consumer(self, **config: Any) -> GroupConsumer:
        """A consumer that sees committed records only and commits nothing by itself."""
        fixed = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        consumer: GroupConsumer = self._make(GroupConsumer, {**_CONSUMER, **self._options, **fixed, **config})
        return consumer

    def producer(self, transactional_id: str) -> TransactionalProducer:
        """A producer that still has to `init_transactions`."""
        fixed = {"transactional_id": transactional_id, "value_serializer": _NullSerializer()}
        producer: TransactionalProducer = self._make(TransactionalProducer, {**_PRODUCER, **self._options, **fixed})
        return producer

    def _make(self, kind: Any, config: Config) -> Any:
        known = {
            name: value
            for name, value in {**_NETWORK, **self._options, **config}.items()
            if name in kind.DEFAULT_CONFIG
        }
        servers = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self._addresses]
        return self._bootstrap(lambda: kind(**known, bootstrap_servers=servers, kafka_client=NetworkClient))

    def _bootstrap(self, connect: Callable[[], Any]) -> Any:
        where = f"NEWSLOOM_LOG=kafka://{self.servers}"
        CLIENT_LOG_FILTER.clear()
        try:
            return connect()
        except (ConfigurationError, LogUnavailable) as error:
            raise type(error)(f"{where}: {error}") from error
        except (KafkaTimeoutError, KafkaConnectionError) as error:
            raise self._unreachable(where, error) from error
        except KafkaConfigurationError as error:
            raise ConfigurationError(f"NEWSLOOM_KAFKA_*: {error}") from error
        except KafkaError as error:
            raise translate(error, where) from error
        except (AssertionError, OSError, TypeError, ValueError) as error:
            # kafka-python checks some settings by assertion, and opens certificate files as it goes.
            raise ConfigurationError(f"NEWSLOOM_KAFKA_*: {explain(error)}") from error

    def _unreachable(self, where: str, error: KafkaError) -> ConfigurationError | LogUnavailable:
        cause = CLIENT_LOG_FILTER.causes() or explain(error)
        if "SaslAuthenticationFailed" in cause:
            hint = "check NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME and _PASSWORD"
            return ConfigurationError(f"{where}: the broker refuses the user: {cause}; {hint}")
        return LogUnavailable(f"{where}: no broker answers: {cause}")


def seconds_left(deadline: float) -> float:
    """Seconds until the deadline of the monotonic clock, never negative."""
    return max(0.0, deadline - time.monotonic())
