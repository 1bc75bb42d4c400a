"""A process that loses a right while it runs ends and names the right."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial

import pytest

from newsloom.access import Operation, Resource, Right
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Reader, Worker
from newsloom.streaming.records import Message, TopicPartition
from tests.kafka.acl_newsroom import WORK_S_MAX, AclNewsroom
from tests.kafka.broker import wait_until
from tests.kafka.harness import END_S_MAX

pytestmark = pytest.mark.kafka


@dataclass
class _Member:
    """A worker that reads articles and writes vectors, as a user, in a group with the user's name."""

    newsroom: AclNewsroom
    user: str
    revoked: Right
    error: ConfigurationError | None = None

    def join(self) -> None:
        self.rights = [
            Right(Operation.READ, Resource.TOPIC, self.newsroom.name(ARTICLES)),
            Right(Operation.DESCRIBE_CONFIGS, Resource.TOPIC, self.newsroom.name(ARTICLE_VECTORS)),
            Right(Operation.WRITE, Resource.TOPIC, self.newsroom.name(ARTICLE_VECTORS)),
            Right(Operation.READ, Resource.GROUP, self.newsroom.prefix + self.user),
            Right(Operation.WRITE, Resource.TRANSACTIONAL_ID, f"{self.newsroom.prefix}{self.user}-0"),
        ]
        self.newsroom.broker.allow(self.user, self.rights)
        self.log = self.newsroom.open(self.user)
        self.worker = self.log.worker(
            group=self.newsroom.prefix + self.user, instance="0", topics=[self.newsroom.name(ARTICLES)]
        )

    def revoke(self) -> None:
        self.newsroom.broker.allow(self.user, [right for right in self.rights if right != self.revoked])

    def copy_batch(self) -> int:
        """Poll once, commit the batch, and return its number of records; keep a `ConfigurationError`."""
        try:
            batch = self.worker.poll(max_records=10, timeout_ms=50)
            vectors = [Message(self.newsroom.name(ARTICLE_VECTORS), b"k", b"v") for _ in batch.records]
            self.worker.commit(batch, vectors)
        except ConfigurationError as error:
            self.error = error
            return 0
        return len(batch.records)


def test_a_revoked_right_is_noticed_within_half_a_minute(newsroom: AclNewsroom) -> None:
    where = newsroom.with_prefix("flight.")
    where.create_topics()
    members = [
        _Member(where, "clusterer", Right(Operation.READ, Resource.TOPIC, where.name(ARTICLES))),
        _Member(where, "embedder", Right(Operation.READ, Resource.GROUP, "flight.embedder")),
        _Member(where, "ingest", Right(Operation.WRITE, Resource.TOPIC, where.name(ARTICLE_VECTORS))),
        _Member(where, "operator", Right(Operation.WRITE, Resource.TRANSACTIONAL_ID, "flight.operator-0")),
    ]
    try:
        for member in members:
            member.join()
        where.write([Message(where.name(ARTICLES), b"k", b"v")])
        for member in members:
            wait_until(lambda member=member: member.copy_batch() > 0, WORK_S_MAX, f"{member.user} to work")  # type: ignore[misc]
        for member in members:
            member.revoke()
        where.write([Message(where.name(ARTICLES), b"k", b"v")])

        def all_have_failed() -> bool:
            return not [member.copy_batch() for member in members if member.error is None]

        wait_until(all_have_failed, END_S_MAX, "an error of each member")
        for member in members:
            assert f"lacks the right {member.revoked}" in str(member.error)
    finally:
        for member in members:
            member.log.close()
            newsroom.broker.allow(member.user, newsroom.rights(member.user))


@pytest.mark.slow
def test_a_revoked_read_right_is_noticed_after_the_topic_has_left_the_metadata(newsroom: AclNewsroom) -> None:
    where = newsroom.with_prefix("silent.")
    where.create_topics()
    topic = where.name(ARTICLES)
    rights = [
        Right(Operation.READ, Resource.TOPIC, topic),
        Right(Operation.READ, Resource.GROUP, "silent.reader"),
        Right(Operation.WRITE, Resource.TRANSACTIONAL_ID, "silent.reader-0"),
    ]
    newsroom.broker.allow("reader", rights)
    try:
        with closing(where.open("reader", metadata_max_age_ms="500")) as log:
            worker = log.worker(group="silent.reader", instance="0", topics=[topic])
            reader = log.reader([TopicPartition(topic, 0)], start="latest")
            wait_until(lambda: bool(worker.poll(max_records=1, timeout_ms=100).gained), WORK_S_MAX, "a partition")
            newsroom.broker.allow("reader", rights[1:])
            for one in (worker, reader):
                _wait_until_forgotten(one, topic)
                with pytest.raises(ConfigurationError, match=f"lacks the right {rights[0]}"):
                    wait_until(partial(_polls_nothing, one), END_S_MAX, "the error")
    finally:
        newsroom.broker.allow("reader", newsroom.rights("reader"))


def _polls_nothing(one: Worker | Reader) -> bool:
    one.poll(max_records=1, timeout_ms=100)
    return False


def _wait_until_forgotten(one: Worker | Reader, topic: str) -> None:
    """Wait until the topic has left the client's metadata. Nobody polls meanwhile, so no fetch is refused."""
    cluster = one._consumer._client.cluster  # type: ignore[union-attr]  # no public access
    wait_until(lambda: not cluster.partitions_for_topic(topic), WORK_S_MAX, "the topic to be forgotten")
