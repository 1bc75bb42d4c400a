"""The reference run finds whatever is lost, duplicated or out of order on the topics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

import pytest

from newsloom.settings import Settings
from newsloom.streaming.dead_letters import build_dead_letter
from newsloom.streaming.records import Message, Record
from newsloom.streaming.step import Rejection
from services.embedder.step import EmbedderStep
from tests.chaos import reference_run
from tests.chaos.ingest_loop import INVALID_ARTICLE
from tests.chaos.reference_run import Topics
from tests.chaos.traffic import pair_of
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories

SETTINGS = Settings(model=WordEncoder.model, state_partitions=2)
TIME_MS = 1_800_000_000_000

Records = list[Record]


def lines() -> list[bytes]:
    """Return nine articles in three editions, and one of them again."""
    rows = [{**row, "edition": f"e{index % 3}"} for index, row in enumerate(rows_of_three_stories())]
    return [json.dumps({name: row[name] for name in row if name != "story"}).encode() for row in [*rows, rows[3]]]


def records_of(messages: Iterable[Message], partition: Callable[[int, Message], int]) -> Records:
    """Return the messages as records of the partitions that `partition` chooses."""
    ends: dict[int, int] = {}
    records = []
    for index, message in enumerate(messages):
        number = partition(index, message)
        offset = ends.get(number, 0)
        ends[number] = offset + 1
        records.append(Record(message.topic, number, offset, TIME_MS, message.key, message.value, message.headers))
    return records


@cache
def without_faults() -> Topics:
    """Return the topics of a run without faults."""
    pairs = [*map(pair_of, lines()), (b"poison", INVALID_ARTICLE)]
    articles = records_of(
        [Message("news.articles", *pair) for pair in pairs], lambda _, message: len(message.key or b"") % 2
    )
    outcome = EmbedderStep(SETTINGS, WordEncoder()).process(articles)
    vectors = records_of(outcome.messages, lambda _, message: int((message.key or b"")[-1:] == b"1"))
    reference = reference_run.run_clusterer(vectors, SETTINGS)
    letters = [build_dead_letter(one, topic="news.dead-letters", service="embedder") for one in outcome.rejected]
    return replace(reference, articles=articles, vectors=vectors, dead_letters=records_of(letters, lambda *_: 0))


def differences(topics: Topics) -> list[str]:
    """Return every difference that is found."""
    return [
        *reference_run.ingest_problems(lines(), topics.articles),
        *reference_run.embedding_problems(topics, WordEncoder(), SETTINGS),
        *reference_run.clustering_differences(topics, reference_run.run_clusterer(topics.vectors, SETTINGS)),
    ]


def lost(records: Records) -> Records:
    return records[:-1]


def duplicated(records: Records) -> Records:
    return [*records, records[-1]]


def swapped(records: Records) -> Records:
    """Exchange the last record with an earlier one of its key or partition."""
    last = records[-1]
    index = next(index for index, one in enumerate(records) if _are_ordered(one, last))
    return [*records[:index], last, *records[index + 1 : -1], records[index]]


def _are_ordered(one: Record, last: Record) -> bool:
    return one.value != last.value and (
        one.key == last.key if "updates" in last.topic else one.topic_partition == last.topic_partition
    )


def test_a_run_without_faults_has_no_differences() -> None:
    assert len(without_faults().updates) > len({record.key for record in without_faults().updates}), (
        "no story has two updates that could be swapped"
    )
    assert differences(without_faults()) == []


@pytest.mark.parametrize("topic", ["articles", "vectors", "updates", "stories", "memberships", "dead_letters"])
def test_a_lost_record_is_found(topic: str) -> None:
    # In a compacted topic only the latest record of a key counts, so remove all records of the key.
    records: Records = getattr(without_faults(), topic)
    key = records[-1].key
    compacted = topic in {"stories", "memberships"}
    left = [record for record in records if record.key != key] if compacted else lost(records)
    assert differences(replace(without_faults(), **{topic: left})) != []


@pytest.mark.parametrize("topic", ["articles", "vectors", "updates", "dead_letters"])
def test_a_duplicated_record_is_found(topic: str) -> None:
    assert differences(replace(without_faults(), **{topic: duplicated(getattr(without_faults(), topic))})) != []


@pytest.mark.parametrize("topic", ["articles", "updates"])
def test_records_out_of_order_are_found(topic: str) -> None:
    assert differences(replace(without_faults(), **{topic: swapped(getattr(without_faults(), topic))})) != []


def test_a_dead_letter_for_a_record_that_was_processed_is_found() -> None:
    extra = build_dead_letter(
        Rejection(without_faults().vectors[0], "by mistake"), topic="news.dead-letters", service="clusterer"
    )
    letters = [*without_faults().dead_letters, *records_of([extra], lambda *_: 1)]
    assert differences(replace(without_faults(), dead_letters=letters)) != []


def test_a_state_record_with_another_value_is_found() -> None:
    for topic in ("stories", "memberships"):
        records: Records = getattr(without_faults(), topic)
        changed = replace(records[-1], value=(records[-1].value or b"") + b" ")
        assert differences(replace(without_faults(), **{topic: [*records, changed]})) != []
