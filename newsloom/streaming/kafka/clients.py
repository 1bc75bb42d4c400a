"""kafka-python's clients, configured and repaired. Only this module, `network_client`, `record_decoding` and `client_log` use
private parts of the library.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaConfigurationError, KafkaConnectionError, KafkaError, KafkaTimeoutError, RetriableError
from kafka.serializer import Serializer
from kafka.structs import MemberState

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.kafka.assignor import CoPartitioningStickyAssignor
from newsloom.streaming.kafka.bootstrap_check import check_bootstrap_servers
from newsloom.streaming.kafka.client_log import CLIENT_LOG_FILTER
from newsloom.streaming.kafka.errors import CHECK_CREDENTIALS, explain, translate
from newsloom.streaming.kafka.network_client import NetworkClient
from newsloom.streaming.kafka.options import Config
from newsloom.streaming.kafka.record_decoding import PartitionRecords, UnreadableBatchError
from newsloom.streaming.kafka.secret_files import SECRET_FILES, read_secrets
from newsloom.streaming.records import TopicPartition

# Longer than a broker's session timeout (9 s): a record outlives the failover of its leader.
DELIVERY_TIMEOUT_MS: Final = 30_000
# Longer than `transactions.TRANSACTION_S_MAX`: a broker must not abort the transaction of a process that still works on it, which
# would look like fencing. The timeout matters only if the process never returns: its successor ends the transaction at once.
TRANSACTION_TIMEOUT_MS: Final = 60_000
INIT_MS_MAX: Final = 15_000
REJOIN_PAUSE_S: Final = 5.0
RETRY_PAUSE_S: Final = 0.2
NULL_VALUE: Final = object()
"""Stands for a null value: kafka-python refuses None if the key is None too, which Kafka allows."""

_NETWORK: Final[Config] = {
    "client_id": "newsloom",
    "bootstrap_timeout_ms": 10_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 1_000,
}
_CONSUMER: Final[Config] = {
    # A member that ends in order leaves the group, so this is the time after which others take over from one that has crashed.
    # Loading the model takes longer: without other members, it comes back into an empty group.
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 2_000,
    # New partitions are found after this time. With the library's five minutes their records would wait long.
    "metadata_max_age_ms": 30_000,
    # Eager, not cooperative: under the cooperative assignor an evicted member still claims its old partitions. The leader
    # waits for it to revoke them and assigns them to nobody.
    "partition_assignment_strategy": (CoPartitioningStickyAssignor,),
}
_PRODUCER: Final[Config] = {
    "transaction_timeout_ms": TRANSACTION_TIMEOUT_MS,
    "delivery_timeout_ms": DELIVERY_TIMEOUT_MS,
    "max_block_ms": INIT_MS_MAX,
    # Also the pause after the first request of every transaction: the default of 100 ms allows 20 transactions a second.
    "retry_backoff_ms": 10,
    "linger_ms": 5,
    "batch_size": 65_536,
    "compression_type": "lz4",
    # Above the limit of any topic, so that the topic's own limit applies.
    "max_request_size": 8_388_608,
}


class _NullSerializer(Serializer):  # type: ignore[misc]  # kafka-python ships no types
    def serialize(self, topic: str, headers: object, data: object) -> object:  # noqa: ARG002 - kafka-python's signature
        return None if data is NULL_VALUE else data


class TransactionalProducer(KafkaProducer):  # type: ignore[misc]  # kafka-python ships no types
    """A producer whose transactional calls time out: the library's wait for ever if no coordinator answers."""

    def send_offsets(self, offsets: Mapping[Any, Any], group_metadata: object, *, timeout_s: float) -> None:
        """Call `send_offsets_to_transaction` with a timeout in seconds; raises `KafkaTimeoutError`."""
        self._wait(self._transaction_manager.send_offsets_to_transaction(offsets, group_metadata), timeout_s)

    def commit(self, *, timeout_s: float) -> None:
        """Call `commit_transaction` with a timeout in seconds; raises `KafkaTimeoutError`."""
        self._wait(self._transaction_manager.begin_commit(), timeout_s)

    def close_now(self) -> None:
        """Close at once, without an abort, which can hang. The next producer of the same id ends an open transaction."""
        try:
            self.close(timeout=0)
        except KafkaError:
            self._sender.force_close()  # close() stops half-way if its flush times out

    def _wait(self, result: Any, timeout_s: float) -> None:
        self._sender.wakeup()
        if not result.wait(timeout_ms=max(0.0, timeout_s) * 1000):
            raise KafkaTimeoutError(f"no answer from the transaction coordinator for {timeout_s:.0f} s")


class GroupConsumer(KafkaConsumer):  # type: ignore[misc]  # kafka-python ships no types
    """A consumer that completes joins between polls, finds new partitions, detects when it is fenced, and fetches a damaged
    batch twice.

    The library discards a join that ends between two polls, and all members join again: a group with busy members may never
    become stable. Only the leader looks for new partitions, and a member that restarts under its static name does not learn
    that it leads. If another process takes the `group.instance.id`, the library only stops the heartbeats.
    """

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        self._fetcher.PartitionRecords = PartitionRecords
        self._refetched = set[tuple[Any, int]]()
        coordinator = self._coordinator
        join = coordinator.join_group_async

        async def complete_or_join(timeout_ms: float | None = None) -> Any:
            task = coordinator._join_task
            if task is not None and task.is_done and not isinstance(task.exception, KafkaTimeoutError):
                coordinator._join_task = coordinator._manager.call_soon(_result, task)
            return await join(timeout_ms=timeout_ms)

        coordinator.join_group_async = complete_or_join
        (self._assignor,) = coordinator._assignors.values()
        self._next_rejoin_at = 0.0

    def poll(self, *args: Any, **kwargs: Any) -> Any:
        """Call `KafkaConsumer.poll`; first rejoin the group if topics have more partitions than were assigned.

        Raises `UnreadableBatchError` if a batch cannot be read when it is fetched for the second time.
        """
        now = time.monotonic()
        if now >= self._next_rejoin_at and self._has_new_partitions():
            # Not at every poll: the leader's metadata may not contain them yet.
            self._next_rejoin_at = now + REJOIN_PAUSE_S
            self._coordinator.request_rejoin()
        try:
            return super().poll(*args, **kwargs)
        except UnreadableBatchError as error:
            # The broker's copy may be intact.
            fetched = (error.topic_partition, error.offset)
            if fetched in self._refetched:
                raise
            self._refetched.add(fetched)
            return {}

    def load_partitions(self, topics: Sequence[str], *, timeout_s: float) -> None:
        """Load the partitions of these topics from any broker that answers; raises `KafkaError`.

        The library asks one broker only. If that one is down, a third of the starts fail until the cluster removes it.
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
                    time.sleep(RETRY_PAUSE_S)

    def _has_new_partitions(self) -> bool:
        partitions_of = self._coordinator._cluster.partitions_for_topic
        return any(len(partitions_of(topic) or ()) > count for topic, count in self._assignor.partition_counts.items())

    def has_coordinator(self) -> bool:
        """Return whether a broker is known to coordinate the group; false once it does not answer."""
        return not self._coordinator.coordinator_unknown()

    def positions(self) -> dict[TopicPartition, int]:
        """Return the position of each assigned partition, where it is known.

        A fetch that meets transaction markers moves the position past them.
        """
        states = list(self._subscription.assignment.items())
        positions = {TopicPartition(*source): state.position for source, state in states}
        return {source: position.offset for source, position in positions.items() if position is not None}

    def ends(self) -> dict[TopicPartition, int]:
        """Return the end of each assigned partition as of its last fetch.

        One is missing if a rebalance has discarded its fetch: the broker names it again only when it changes.
        """
        states = list(self._subscription.assignment.items())
        ends = {TopicPartition(*source): state.highwater for source, state in states}
        return {source: end for source, end in ends.items() if end is not None}

    def is_fenced(self) -> bool:
        """Return whether the coordinator has refused a heartbeat because another process uses this instance id."""
        coordinator = self._coordinator
        with coordinator._lock:
            stable = coordinator.state is MemberState.STABLE and not coordinator.rejoining
            return stable and not coordinator._heartbeat_enabled


async def _result(future: Any) -> Any:
    return await future


class ClientFactory:
    """Builds clients of one Kafka cluster. Each method connects and raises `LogUnavailable` or `ConfigurationError`."""

    def __init__(self, addresses: Sequence[tuple[str, int]], options: Config) -> None:
        self._addresses = tuple(addresses)
        self._options = options
        self.servers = ",".join(f"{host}:{port}" for host, port in addresses)

    def check(self) -> None:
        """Return if a broker can be reached."""
        options = {**_NETWORK, **self._options, **read_secrets(self._options)}
        self._bootstrap(lambda: check_bootstrap_servers(self._addresses, options))

    def admin(self) -> Any:
        """Build a `KafkaAdminClient`."""
        return self._build(KafkaAdminClient, {})

    def consumer(self, **config: Any) -> GroupConsumer:
        """Build a consumer that reads committed records only and never commits offsets on its own."""
        fixed = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        consumer: GroupConsumer = self._build(GroupConsumer, {**_CONSUMER, **self._options, **fixed, **config})
        return consumer

    def producer(self, transactional_id: str) -> TransactionalProducer:
        """Build a producer; call its `init_transactions` before use."""
        fixed = {"transactional_id": transactional_id, "value_serializer": _NullSerializer()}
        producer: TransactionalProducer = self._build(TransactionalProducer, {**_PRODUCER, **self._options, **fixed})
        return producer

    def _build(self, client_class: Any, config: Config) -> Any:
        supported = {
            name: value
            for name, value in {**_NETWORK, **self._options, **config}.items()
            if name in client_class.DEFAULT_CONFIG
        }
        servers = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self._addresses]
        secret_files = {name: self._options[name] for name in SECRET_FILES if name in self._options}
        client = partial(NetworkClient, secret_files=secret_files)
        return self._bootstrap(lambda: client_class(**supported, bootstrap_servers=servers, kafka_client=client))

    def _bootstrap(self, connect: Callable[[], Any]) -> Any:
        setting = f"NEWSLOOM_LOG=kafka://{self.servers}"
        CLIENT_LOG_FILTER.clear()
        try:
            return connect()
        except (ConfigurationError, LogUnavailable) as error:
            raise type(error)(f"{setting}: {error}") from error
        except (KafkaTimeoutError, KafkaConnectionError) as error:
            raise self._unreachable(setting, error) from error
        except KafkaConfigurationError as error:
            raise ConfigurationError(f"NEWSLOOM_KAFKA_*: {error}") from error
        except KafkaError as error:
            raise translate(error, setting) from error
        except (AssertionError, OSError, TypeError, ValueError) as error:
            # kafka-python checks some settings by assertion and opens certificate files only when it needs them.
            raise ConfigurationError(f"NEWSLOOM_KAFKA_*: {explain(error)}") from error

    def _unreachable(self, setting: str, error: KafkaError) -> ConfigurationError | LogUnavailable:
        cause = CLIENT_LOG_FILTER.causes() or explain(error)
        if "SaslAuthenticationFailed" in cause:
            return ConfigurationError(
                f"{setting}: the broker rejects the user or password: {cause}; {CHECK_CREDENTIALS}"
            )
        return LogUnavailable(f"{setting}: no broker answers: {cause}")


def seconds_left(deadline: float) -> float:
    """Return the seconds until a deadline of the monotonic clock; 0 if it is over."""
    return max(0.0, deadline - time.monotonic())
