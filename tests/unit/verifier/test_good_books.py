"""Whatever the services write, the books agree: editions, partitions, retention, tails not yet taken in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
from hypothesis import given, settings

from newsloom.contracts.codec import decode_update
from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import UpdateKind
from newsloom.contracts.topics import ARTICLES
from newsloom.settings import Settings
from newsloom.streaming.dead_letter_replay import replay
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom
from services.verifier.findings import Invariant
from services.verifier.verification import find_violations, verify_topics
from tests.laws.command_streams import Input, commanded_streams, contested_streams
from tests.laws.streams import article
from tests.unit.verifier.desk import Desk
from tests.unit.verifier.newsroom import Newsroom, in_edition, resolved
from tests.unit.verifier.weeks import a_busy_week

MANY = Settings(log="sqlite://", model="test", partitions=3, state_partitions=4)


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url("sqlite://")) as log:
        yield log


def busy(log: Log, given: Settings = MANY) -> Newsroom:
    """A busy week in one edition, and its articles in two others."""
    newsroom = Newsroom(log, given)
    events = resolved(a_busy_week())
    newsroom.take_in([*events, *in_edition(events, "de"), *in_edition(events, "fr")])
    newsroom.write(ARTICLES, [b"{"])
    newsroom.drain("embedder", "clusterer")
    return newsroom


def test_the_books_that_others_spoil_are_good(desk: Desk) -> None:
    assert desk.problems() == []
    assert len(desk.updates()) > 40


def test_many_partitions_and_editions(log: Log) -> None:
    newsroom = busy(log)

    verification = verify_topics(log, newsroom.settings)

    assert list(verification.findings.violation_lines()) == []
    assert verification.findings.unchecked == []
    assert all(verification.findings.checked[invariant] for invariant in Invariant), "a check that looked at nothing"
    assert sum(held.editions for held in verification.partitions.values()) == 3
    memberships = Newsloom(log).memberships()
    assert sum(held.articles for held in verification.partitions.values()) == len(memberships)
    updates = list(Newsloom(log).updates(start="earliest", idle_s=0))
    assert {update.kind for update in updates} == set(UpdateKind)
    assert {update.command.kind for update in updates if update.command} == set(CommandKind)


@pytest.mark.kafka
def test_on_kafka(kafka_url: str) -> None:
    given = Settings(
        log=kafka_url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model="test", partitions=2, state_partitions=3
    )
    with closing(open_log_url(kafka_url)) as log:
        newsroom = busy(log, given)
        assert find_violations(log, newsroom.settings) == []

        first = next(read_topic(log, f"{given.topic_prefix}story-updates"))
        with closing(log.writer(f"{given.topic_prefix}stranger")) as writer:
            writer.write([Message(first.topic, first.key, first.value, first.headers, first.partition)], Progress(1))
        update = decode_update(first.value or b"")
        assert any(f"{update.story_id} version 1 " in problem for problem in find_violations(log, newsroom.settings))


def test_what_was_not_taken_in_yet_is_missed_by_nobody(log: Log) -> None:
    newsroom = Newsroom(log, MANY)
    newsroom.take_in([article(1), article(2, subject=2)])
    newsroom.drain("clusterer")
    newsroom.take_in([article(3, subject=3)])
    newsroom.write(ARTICLES, [b"{", b"{}"])

    assert find_violations(log, newsroom.settings) == []


def test_letters_that_were_sent_back_count_once(log: Log) -> None:
    """The clusterer's letters come back as vectors of the same article, the embedder's as other articles."""
    newsroom = Newsroom(log, MANY)
    other = msgspec.structs.replace(article(3, subject=3), model="another")
    newsroom.take_in([article(1), other, article(2, subject=2)])
    newsroom.write(ARTICLES, [b"{"])
    newsroom.drain("embedder", "clusterer")

    for _ in range(2):
        replayed = replay(log, "news.dead-letters", writer_name="replay", wanted=lambda _: True, now_ms=0)
        assert replayed.sent.total() == 2
        assert find_violations(log, newsroom.settings) == []
        newsroom.drain("embedder", "clusterer")
        assert find_violations(log, newsroom.settings) == []


def test_topics_on_which_nothing_stands(log: Log) -> None:
    assert find_violations(log, Newsroom(log, MANY).settings) == []


def test_stories_out_of_their_time_are_missed_by_nobody(log: Log) -> None:
    newsroom = Newsroom(log, Settings(log="sqlite://", model="test", retention_days=30))
    events = resolved(a_busy_week())
    later = [article(20, hour=24 * 400), article(1, subject=1, hour=24 * 401)]
    newsroom.take_in([*events, *later])
    newsroom.drain("clusterer")
    assert len(Newsloom(log).stories()) < 4, "the first were to be forgotten"

    assert find_violations(log, newsroom.settings) == []


@settings(max_examples=20)
@given(commanded_streams | contested_streams)
def test_whatever_is_published_is_in_order(events: list[Input]) -> None:
    with closing(open_log_url("sqlite://")) as log:
        newsroom = Newsroom(log, MANY)
        newsroom.take_in(resolved(events))
        newsroom.drain("clusterer")

        assert find_violations(log, newsroom.settings) == []
