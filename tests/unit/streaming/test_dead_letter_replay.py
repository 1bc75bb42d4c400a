"""Replay of dead letters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.batching import BATCH_RECORDS_MAX
from newsloom.streaming.dead_letter_replay import (
    REPLAYED_OFFSET,
    DeadLetterRecord,
    ReplayResult,
    read_dead_letters,
    replay,
)
from newsloom.streaming.errors import ConfigurationError, Fenced
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.scan import read_topic
from tests.unit.cli.harness import AN_HOUR_AGO_MS, letter_message, write

TOPIC = "news.dead-letters"


@pytest.fixture
def log() -> Iterator[Log]:
    log = open_log_url("sqlite://")
    log.admin().create(topic_specs(Settings(partitions=2)))
    yield log
    log.close()


def replay_all(log: Log) -> ReplayResult:
    return replay(log, TOPIC, writer_name="replay", wanted=lambda _: True, now_ms=AN_HOUR_AGO_MS)


def originals(log: Log) -> list[bytes]:
    return sorted(record.value or b"" for record in read_topic(log, "news.articles"))


def test_many_dead_letters_are_replayed_once_in_several_transactions(log: Log) -> None:
    count = 2 * BATCH_RECORDS_MAX + 100
    values = [b"%04d" % number for number in range(count)] + [b"x" * 1_000_000] * 5
    write(log, [letter_message(value, "why", partition=number % 2) for number, value in enumerate(values)])
    assert replay_all(log).sent == {"news.articles": count + 5}
    assert originals(log) == values
    assert replay_all(log) == ReplayResult()
    progress = log.writer("replay").progress()
    assert progress is not None
    assert progress.position == count + 5


def test_a_replay_is_fenced_by_a_later_one(log: Log) -> None:
    write(log, [letter_message(b"a", "why"), letter_message(b"b", "why")])

    def wanted(_: DeadLetterRecord) -> bool:
        replay_all(log)
        return True

    with pytest.raises(Fenced):
        replay(log, TOPIC, writer_name="replay", wanted=wanted, now_ms=AN_HOUR_AGO_MS)
    assert originals(log) == [b"a", b"b"]


def test_a_record_rejected_again_is_a_new_dead_letter(log: Log) -> None:
    write(log, [letter_message(b"a", "why")])
    replay_all(log)
    write(log, [letter_message(b"a", "still")])
    assert [letter.replayed for letter in read_dead_letters(log, TOPIC)] == [True, False]
    assert replay_all(log).sent == {"news.articles": 1}


def test_a_producers_header_is_not_taken_for_a_marker(log: Log) -> None:
    write(log, [letter_message(b"a", "why"), letter_message(b"b", "why", headers=((REPLAYED_OFFSET, b"0"),))])
    assert [letter.replayed for letter in read_dead_letters(log, TOPIC)] == [False, False]


def test_a_missing_topic_is_named_and_nothing_is_replayed(log: Log) -> None:
    write(log, [letter_message(b"a", "why"), letter_message(b"b", "why", topic="old.articles")])
    with pytest.raises(ConfigurationError, match=r"topic old\.articles, from which dead letters came"):
        replay_all(log)
    assert originals(log) == []
