"""Administration of topics and consumer groups."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Admin, CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import TopicPartition
from tests.conformance.clients import Member, numbered, partitions_of, put, read_all, steps
from tests.conformance.conftest import NewTopic


def test_topics_are_described_as_they_were_created(admin: Admin, unique: str) -> None:
    specs = [
        TopicSpec(f"{unique}.kept", 2, CleanupPolicy.DELETE, retention_ms=None, max_record_bytes=50_000),
        TopicSpec(f"{unique}.short", 1, CleanupPolicy.DELETE, retention_ms=3_600_000),
        TopicSpec(f"{unique}.state", 3, CleanupPolicy.COMPACT),
    ]
    admin.create(specs)

    found = admin.describe([spec.name for spec in specs] + [f"{unique}.missing"])

    assert found.keys() == {spec.name for spec in specs}
    for spec in specs:
        got = found[spec.name]
        assert (got.name, got.partitions, got.policy) == (spec.name, spec.partitions, spec.policy)
        assert got.max_record_bytes == spec.max_record_bytes
        if spec.policy is CleanupPolicy.DELETE:
            assert got.retention_ms == spec.retention_ms


def test_creating_a_topic_again_leaves_it_as_it_is(log: Log, admin: Admin, unique: str) -> None:
    topic = f"{unique}.in"
    admin.create([TopicSpec(topic, 2, CleanupPolicy.DELETE)])
    put(log, numbered(topic, 3, partition=1))
    admin.create([TopicSpec(topic, 5, CleanupPolicy.COMPACT), TopicSpec(f"{unique}.new", 1, CleanupPolicy.DELETE)])

    found = admin.describe([topic, f"{unique}.new"])

    assert (found[topic].partitions, found[topic].policy) == (2, CleanupPolicy.DELETE)
    assert f"{unique}.new" in found
    assert len(read_all(log, topic, partitions=2)) == 3


def test_a_created_topic_can_be_used_at_once(log: Log, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("in")
    put(log, numbered(topic, 1))
    assert len(Member(log, unique, [topic]).take(1)) == 1


@pytest.mark.parametrize(("name", "partitions"), [("bad name", 1), ("", 1), ("..", 1), ("good", 0)])
def test_an_invalid_topic_is_refused(admin: Admin, unique: str, name: str, partitions: int) -> None:
    topic = f"{unique}.{name}" if name == "good" or " " in name else name
    with pytest.raises(ConfigurationError, match="topic"):
        admin.create([TopicSpec(topic, partitions, CleanupPolicy.DELETE)])


def test_the_backlog_is_zero_if_and_only_if_everything_is_committed(
    log: Log, admin: Admin, new_topic: NewTopic, unique: str
) -> None:
    topic, other = new_topic("in", partitions=2), new_topic("other")
    assert admin.backlog(unique, [topic, other]) == 0
    put(log, numbered(topic, 4, partition=0) + numbered(topic, 1, partition=1))
    assert admin.backlog(unique, [topic, other]) >= 5

    member = Member(log, unique, [topic, other])
    for _ in range(4):
        member.take(1)
        assert admin.backlog(unique, [topic, other]) > 0
    member.take(1)
    # On Kafka a commit returns before its marker is written to the topic of the offsets.
    for _ in steps("a backlog of 0"):
        if admin.backlog(unique, [topic, other]) == 0:
            break
    put(log, numbered(other, 1))
    assert admin.backlog(unique, [topic, other]) > 0
    assert admin.backlog(unique, [topic]) == 0
    member.batch()
    assert admin.backlog(unique, [topic, other]) > 0, "polled is not committed"
    assert admin.backlog(f"{unique}.another", [topic]) >= 5


def test_end_offsets_are_after_the_last_records(log: Log, admin: Admin, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=2)
    assert admin.end_offsets([topic]) == dict.fromkeys(partitions_of(topic, 2), 0)
    put(log, numbered(topic, 3, partition=1))

    ends = admin.end_offsets([topic])

    assert ends[TopicPartition(topic, 0)] == 0
    assert ends[TopicPartition(topic, 1)] > max(record.offset for record in read_all(log, topic, partitions=2))


def test_a_topic_without_deleted_records_starts_at_0(log: Log, admin: Admin, new_topic: NewTopic) -> None:
    topic = new_topic("in", partitions=2)
    put(log, numbered(topic, 3, partition=1))

    assert admin.start_offsets([topic]) == dict.fromkeys(partitions_of(topic, 2), 0)


def test_committed_offsets_are_the_next_ones_of_the_group(
    log: Log, admin: Admin, new_topic: NewTopic, unique: str
) -> None:
    topic = new_topic("in", partitions=2)
    put(log, numbered(topic, 4, partition=1))
    assert admin.committed_offsets(unique, [topic]) == {}

    Member(log, unique, [topic]).take(3)

    # On Kafka a commit returns before its marker is written to the topic of the offsets.
    for _ in steps("the committed offset"):
        if found := admin.committed_offsets(unique, [topic]):
            assert found == {TopicPartition(topic, 1): 3}
            break


def test_a_missing_topic_is_named_in_the_error(admin: Admin, unique: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{unique}\.missing"):
        admin.end_offsets([f"{unique}.missing"])
    with pytest.raises(ConfigurationError, match=rf"{unique}\.missing"):
        admin.backlog(unique, [f"{unique}.missing"])


def test_no_error_where_no_right_is_missing(admin: Admin, new_topic: NewTopic, unique: str) -> None:
    topic = new_topic("rights")
    admin.check_rights(read=[topic, f"{unique}.missing"], write=[topic, f"{unique}.missing"])
    admin.check_rights()
