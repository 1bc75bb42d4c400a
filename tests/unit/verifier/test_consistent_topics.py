"""What the services write is consistent: with many editions and partitions, retention, and records not yet processed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

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
from newsloom.streaming.sqlite import open_sqlite
from newsloom.subscribe import Newsloom
from services.clusterer.core.space import unix_ms
from services.verifier.findings import Invariant
from services.verifier.verification import find_violations, verify_topics
from tests.laws.command_streams import StreamItem, streams_of_corrections, streams_with_commands
from tests.laws.streams import START, article
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops, in_edition, resolve_commands

MANY = Settings(log="sqlite://", model="test", partitions=3, state_partitions=4)


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url("sqlite://")) as log:
        yield log


def busy(log: Log, settings: Settings = MANY) -> ServiceLoops:
    """Process a busy week in one edition, and its articles in two others."""
    loops = ServiceLoops(log, settings)
    events = resolve_commands(busy_week())
    loops.feed([*events, *in_edition(events, "de"), *in_edition(events, "fr")])
    loops.write(ARTICLES, [b"{"])
    loops.drain("embedder", "clusterer")
    return loops


def test_the_log_that_other_tests_corrupt_is_consistent(log_file: LogFile) -> None:
    assert log_file.find_violations() == []
    assert len(log_file.updates()) > 40


def test_many_partitions_and_editions(log: Log) -> None:
    loops = busy(log)

    verification = verify_topics(log, loops.settings)

    assert list(verification.findings.violation_lines()) == []
    assert verification.findings.unchecked == []
    assert all(verification.findings.checked[invariant] for invariant in Invariant), (
        "an invariant was checked on nothing"
    )
    assert sum(counts.editions for counts in verification.partitions.values()) == 3
    memberships = Newsloom(log).memberships()
    assert sum(counts.articles for counts in verification.partitions.values()) == len(memberships)
    updates = list(Newsloom(log).updates(start="earliest", idle_s=0))
    assert {update.kind for update in updates} == set(UpdateKind)
    assert {update.command.kind for update in updates if update.command} == set(CommandKind)


@pytest.mark.kafka
def test_on_kafka(kafka_url: str) -> None:
    settings = Settings(
        log=kafka_url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model="test", partitions=2, state_partitions=3
    )
    with closing(open_log_url(kafka_url)) as log:
        loops = busy(log, settings)
        assert find_violations(log, loops.settings) == []

        first = next(read_topic(log, f"{settings.topic_prefix}story-updates"))
        with closing(log.writer(f"{settings.topic_prefix}stranger")) as writer:
            writer.write([Message(first.topic, first.key, first.value, first.headers, first.partition)], Progress(1))
        update = decode_update(first.value or b"")
        assert any(f"{update.story_id} version 1 " in violation for violation in find_violations(log, loops.settings))


def test_records_not_yet_processed_are_no_violation(log: Log) -> None:
    loops = ServiceLoops(log, MANY)
    loops.feed([article(1), article(2, subject=2)])
    loops.drain("clusterer")
    loops.feed([article(3, subject=3)])
    loops.write(ARTICLES, [b"{", b"{}"])

    assert find_violations(log, loops.settings) == []


def test_replayed_dead_letters_count_once(log: Log) -> None:
    """Those of the clusterer come back as vectors of the same articles, those of the embedder as new articles."""
    loops = ServiceLoops(log, MANY)
    other = msgspec.structs.replace(article(3, subject=3), model="another")
    loops.feed([article(1), other, article(2, subject=2)])
    loops.write(ARTICLES, [b"{"])
    loops.drain("embedder", "clusterer")

    for _ in range(2):
        replayed = replay(log, "news.dead-letters", writer_name="replay", wanted=lambda _: True, now_ms=0)
        assert replayed.sent.total() == 2
        assert find_violations(log, loops.settings) == []
        loops.drain("embedder", "clusterer")
        assert find_violations(log, loops.settings) == []


def test_empty_topics(log: Log) -> None:
    assert find_violations(log, ServiceLoops(log, MANY).settings) == []


def test_forgotten_stories_are_no_violation() -> None:
    now = START + timedelta(days=21)
    with closing(open_sqlite("sqlite://", clock=lambda: unix_ms(now))) as log:
        loops = ServiceLoops(log, Settings(log="sqlite://", model="test", retention_days=30))
        loops.feed(resolve_commands(busy_week()))
        loops.drain("clusterer")
        now = START + timedelta(days=400)
        log.admin().confirm_clock()
        loops.feed([*(article(number, hour=24 * 50) for number in range(20, 23)), article(1, subject=1, hour=1_201)])
        loops.drain("clusterer")
        assert len(Newsloom(log).stories()) < 6, "the first stories should be forgotten"

        assert find_violations(log, loops.settings) == []


def test_an_archive_is_not_forgotten_by_its_dates(log: Log) -> None:
    loops = ServiceLoops(log, Settings(log="sqlite://", model="test", retention_days=30))
    loops.feed(resolve_commands(busy_week()))
    loops.drain("clusterer")
    known = set(Newsloom(log).memberships())

    loops.feed(article(number, hour=24 * 400) for number in range(20, 23))
    loops.drain("clusterer")

    assert known < set(Newsloom(log).memberships())
    assert find_violations(log, loops.settings) == []


@hypothesis_settings(max_examples=20)
@given(streams_with_commands | streams_of_corrections)
def test_random_streams_have_no_violations(events: list[StreamItem]) -> None:
    with closing(open_log_url("sqlite://")) as log:
        loops = ServiceLoops(log, MANY)
        loops.feed(resolve_commands(events))
        loops.drain("clusterer")

        assert find_violations(log, loops.settings) == []
