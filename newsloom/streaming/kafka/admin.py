"""Administer topics and consumer groups."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from kafka import TopicPartition as KafkaTopicPartition
from kafka.admin import ACLOperation, ConfigResource, ConfigResourceType, MemberToRemove, OffsetSpec
from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    GroupIdNotFoundError,
    KafkaError,
    RetriableError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from kafka.protocol.consumer import IsolationLevel

from newsloom.streaming.errors import ConfigurationError, LogUnavailable, missing_topic
from newsloom.streaming.kafka.authorization import missing_rights_error
from newsloom.streaming.kafka.clients import ClientFactory
from newsloom.streaming.kafka.errors import translate
from newsloom.streaming.kafka.transaction_markers import MarkerDetector
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.topic_check import COMPRESSION

T = TypeVar("T")

RETRY_S_MAX: Final = 10.0
RETRY_PAUSE_S: Final = 0.2
CREATE_MS_MAX: Final = 20_000
STABLE_S_MAX: Final = 5.0
STABLE_PAUSE_S: Final = 0.02
KEEP_ALL: Final = "-1"
_OPERATIONS: Final = {
    "Describe": ACLOperation.DESCRIBE,
    "DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS,
    "Read": ACLOperation.READ,
    "Write": ACLOperation.WRITE,
}
POLICY, RETENTION, MAX_BYTES = "cleanup.policy", "retention.ms", "max.message.bytes"


class KafkaAdmin:
    """`Admin` on Kafka, and look-ups for the reader and writer. Connects when first used."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients
        self._client: Any = None
        self._markers = MarkerDetector(clients)

    def connect(self) -> None:
        """Connect to a broker; raises `LogUnavailable` or `ConfigurationError`."""
        if self._client is None:
            self._client = self._clients.admin()

    def describe(self, names: Sequence[str]) -> dict[str, TopicSpec]:
        """See `Admin.describe`."""
        topics = self._existing(names)
        if not topics:
            return {}
        _check_allowed({"DescribeConfigs": set(names)}, topics)
        partitions = {topic["name"]: len(topic["partitions"]) for topic in topics}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions]
        found = self._call("describing topics", lambda client: client.describe_configs(resources, config_filter="all"))
        configs = found["topic"]
        return {name: _spec(name, count, configs[name]) for name, count in partitions.items()}

    def partition_counts(self, names: Sequence[str]) -> dict[str, int]:
        """Return the number of partitions of each of these topics that exists.

        Raises:
            ConfigurationError: the right to describe a topic is missing, so that its existence is unknown.

        """
        return {topic["name"]: len(topic["partitions"]) for topic in self._existing(names)}

    def check_rights(self, *, read: Iterable[str] = (), write: Iterable[str] = ()) -> None:
        """See `Admin.check_rights`. Without the right to read a topic, a consumer polls nothing, without an error."""
        wanted = {"Read": set(read), "Write": set(write)}
        _check_allowed(wanted, self._described(sorted(wanted["Read"] | wanted["Write"])))

    def _existing(self, names: Sequence[str]) -> list[Any]:
        topics = self._described(names)
        _check_allowed({"Describe": set(names)}, topics)
        return [topic for topic in topics if topic["error_code"] == 0]

    def _described(self, names: Sequence[str]) -> list[Any]:
        if not names:
            return []
        found: list[Any] = self._call("describing topics", lambda client: client.describe_topics(list(names)))
        return sorted(found, key=lambda topic: str(topic["name"]))

    def check_exist(self, sources: Iterable[TopicPartition]) -> None:
        """Raise `ConfigurationError` naming a topic or partition that does not exist, if there is one."""
        wanted = sorted(set(sources))
        counts = self._counts_of_existing({topic for topic, _ in wanted})
        for topic, number in wanted:
            if not 0 <= number < counts[topic]:
                raise ConfigurationError(
                    f"topic {topic} has {counts[topic]} partitions; partition {number} does not exist"
                )

    def _counts_of_existing(self, topics: Iterable[str]) -> dict[str, int]:
        counts = self.partition_counts(sorted(topics))
        missing = sorted(set(topics) - set(counts))
        if missing:
            raise missing_topic(*missing)
        return counts

    def create(self, specs: Sequence[TopicSpec]) -> None:
        """See `Admin.create`. The replication factor is the broker's `default.replication.factor`.

        Raises:
            ConfigurationError: the broker rejects a topic; the message gives its name and the cause.

        """
        existing = self.partition_counts([spec.name for spec in specs])
        wanted = {spec.name: _creation_config(spec) for spec in specs if spec.name not in existing}
        if wanted:
            answer = self._call("creating topics", lambda client: client.create_topics(wanted, raise_errors=False))
            for topic in answer["topics"]:
                _raise_if_not_created(topic)
        names = [spec.name for spec in specs]
        self._call("creating topics", lambda client: client.wait_for_topics(names, timeout_ms=CREATE_MS_MAX))

    def backlog(self, group: str, topics: Sequence[str]) -> int:
        """See `Admin.backlog`. Transaction markers and aborted records after the last committed record do not count."""
        sources = self._partitions(topics)
        committed = self.group_offsets(group)
        first, end = self.first_offsets(sources), self.high_watermarks(sources)
        position = {source: max(committed.get(source, (0, ""))[0], first[source]) for source in sources}
        behind = {source: (position[source], end[source]) for source in sources if position[source] < end[source]}
        return sum(stop - start for start, stop in self._markers.ranges_with_records(behind).values())

    def start_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `Admin.start_offsets`."""
        return self.first_offsets(self._partitions(topics))

    def confirm_clock(self) -> None:
        """Do nothing: a broker compares the time of each message with its own clock."""

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `Admin.end_offsets`. Returns high watermarks, which count transaction markers."""
        return self.high_watermarks(self._partitions(topics))

    def committed_offsets(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See `Admin.committed_offsets`."""
        committed = self.group_offsets(group)
        return {source: committed[source][0] for source in self._partitions(topics) if source in committed}

    def high_watermarks(self, sources: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset after the last written record of each partition, open transactions included."""
        return self._offsets(sources, OffsetSpec.LATEST, IsolationLevel.READ_UNCOMMITTED)

    def last_stable_offsets(self, sources: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset after everything committed before this call and before everything committed later.

        A commit returns before its markers are written; until then its records look like those of an open transaction. So
        this waits up to `STABLE_S_MAX` seconds for open transactions to end. If one stays open longer, the offset is that
        of its first record, and committed records after that come after the offset too.
        """
        written = self.high_watermarks(sources)
        deadline = time.monotonic() + STABLE_S_MAX
        while True:
            stable = self._offsets(sources, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
            offsets = {source: min(stable[source], end) for source, end in written.items()}
            if offsets == written or time.monotonic() >= deadline:
                return offsets
            time.sleep(STABLE_PAUSE_S)

    def first_offsets(self, sources: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first offset that each partition still holds."""
        return self._offsets(sources, OffsetSpec.EARLIEST, IsolationLevel.READ_UNCOMMITTED)

    def group_offsets(self, group: str, *, operation: str = "Describe") -> dict[TopicPartition, tuple[int, str]]:
        """Return the group's committed offsets with their metadata. `operation`: the right on the group that the caller needs."""
        found = self._call(
            f"reading group {group}",
            lambda client: client.list_group_offsets({group: None}),
            right=f"{operation} on group {group}",
        )
        return {
            TopicPartition(*source): (position.offset, position.metadata or "")
            for source, position in found[group].items()
            if position.offset >= 0
        }

    def delete_group(self, group: str) -> None:
        """Delete a group without members, and its offsets; do nothing if it does not exist."""
        action = f"deleting group {group}"
        outcome = self._call(action, lambda client: client.delete_groups([group]))[group]
        if outcome == GroupAuthorizationFailedError.__name__:
            raise missing_rights_error(f"Delete on group {group}")
        if outcome not in {"OK", GroupIdNotFoundError.__name__}:
            raise LogUnavailable(f"{action}: {outcome}")

    def leave_group(self, group: str, *, member_id: str, instance: str) -> None:
        """Remove this member from the group. The only member stays: it then finds its partitions when it comes back."""
        action = f"leaving group {group}"
        described = self._call(action, lambda client: client.describe_groups([group]))
        if len(described[group]["members"]) > 1:
            member = MemberToRemove(member_id=member_id, group_instance_id=instance)
            self._call(action, lambda client: client.remove_group_members(group, [member]))

    def close(self) -> None:
        """Close the connections."""
        self._markers.close()
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        counts = self._counts_of_existing(topics)
        return [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]

    def _offsets(self, sources: Iterable[TopicPartition], spec: Any, isolation: Any) -> dict[TopicPartition, int]:
        specs = {KafkaTopicPartition(*source): spec for source in sources}
        if not specs:
            return {}
        found = self._call(
            "reading the ends of topics", lambda client: client.list_partition_offsets(specs, isolation_level=isolation)
        )
        return {TopicPartition(*source): position.offset for source, position in found.items()}

    def _call(self, action: str, request: Callable[[Any], T], *, right: str = "") -> T:
        """Send a request that needs `right`; retry with a new client each time, as an old one keeps brokers that are gone."""
        deadline = time.monotonic() + RETRY_S_MAX
        while True:
            self.connect()
            try:
                return request(self._client)
            except KafkaError as error:
                client, self._client = self._client, None
                client.close()
                if isinstance(error, RetriableError) and time.monotonic() < deadline:
                    time.sleep(RETRY_PAUSE_S)
                    continue
                raise _request_error(error, action, right) from error


def _check_allowed(wanted: Mapping[str, Collection[str]], topics: Sequence[Any]) -> None:
    """Raise `ConfigurationError` listing the wanted operations that are not allowed on these topics, if any."""
    missing = [
        f"{operation} on topic {topic['name']}"
        for operation, names in wanted.items()
        for topic in topics
        if topic["name"] in names and not _allows(topic, operation)
    ]
    if missing:
        raise missing_rights_error(*missing)


def _allows(topic: Any, operation: str) -> bool:
    if topic["error_code"]:
        # For a topic that does not exist, the broker returns no operations.
        return bool(topic["error_code"] != TopicAuthorizationFailedError.errno)
    return _OPERATIONS[operation].name in topic["authorized_operations"]


def _request_error(error: KafkaError, action: str, right: str) -> Exception:
    if right and isinstance(error, AuthorizationError):
        return missing_rights_error(right)
    if isinstance(error, UnknownTopicOrPartitionError):
        return ConfigurationError(
            f"{action}: a topic or partition does not exist: run `newsloom topics create` ({error})"
        )
    return translate(error, action)


def _creation_config(spec: TopicSpec) -> dict[str, object]:
    config = {POLICY: spec.policy.value, MAX_BYTES: str(spec.max_record_bytes), **spec.config}
    if spec.policy is CleanupPolicy.DELETE:
        config[RETENTION] = KEEP_ALL if spec.retention_ms is None else str(spec.retention_ms)
    return {"num_partitions": spec.partitions, "replication_factor": -1, "configs": config}


def _raise_if_not_created(topic: Any) -> None:
    error = for_code(topic["error_code"])
    if topic["error_code"] and error is not TopicAlreadyExistsError:
        if error is TopicAuthorizationFailedError:
            raise missing_rights_error(f"Create on topic {topic['name']}")
        raise translate(error(topic["error_message"] or ""), f"creating topic {topic['name']}")


def _spec(name: str, partitions: int, config: Any) -> TopicSpec:
    def value(key: str) -> str:
        return str(config[key]["value"])

    # A compacted topic that also deletes by age loses the latest values of keys, so it cannot hold state.
    policy = CleanupPolicy.COMPACT if value(POLICY) == CleanupPolicy.COMPACT.value else CleanupPolicy.DELETE
    keeps_all = policy is CleanupPolicy.COMPACT or value(RETENTION) == KEEP_ALL
    return TopicSpec(
        name=name,
        partitions=partitions,
        policy=policy,
        retention_ms=None if keeps_all else int(value(RETENTION)),
        max_record_bytes=int(value(MAX_BYTES)),
        config={COMPRESSION: value(COMPRESSION)},
    )
