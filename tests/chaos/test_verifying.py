"""The proof of the chaos runs proves something: whatever is lost, repeated or out of order on the topics is found."""

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
from tests.chaos import verifying
from tests.chaos.feeding import POISON
from tests.chaos.traffic import pair_of
from tests.chaos.verifying import Topics
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories

SETTINGS = Settings(model=WordEncoder.model, state_partitions=2)
TIME_MS = 1_800_000_000_000

Records = list[Record]


def lines() -> list[bytes]:
    """Nine articles in three editions, and one of them again."""
    rows = [{**row, "edition": f"e{place % 3}"} for place, row in enumerate(rows_of_three_stories())]
    return [json.dumps({name: row[name] for name in row if name != "story"}).encode() for row in [*rows, rows[3]]]


def placed(messages: Iterable[Message], partition: Callable[[int, Message], int]) -> Records:
    """The messages as they stand in partitions."""
    ends: dict[int, int] = {}
    records = []
    for place, message in enumerate(messages):
        number = partition(place, message)
        offset = ends.get(number, 0)
        ends[number] = offset + 1
        records.append(Record(message.topic, number, offset, TIME_MS, message.key, message.value, message.headers))
    return records


@cache
def good() -> Topics:
    """What an undisturbed newsroom leaves on its topics."""
    pairs = [*map(pair_of, lines()), (b"poison", POISON)]
    articles = placed(
        [Message("news.articles", *pair) for pair in pairs], lambda _, message: len(message.key or b"") % 2
    )
    outcome = EmbedderStep(SETTINGS, WordEncoder()).process(articles)
    vectors = placed(outcome.messages, lambda _, message: int((message.key or b"")[-1:] == b"1"))
    calm = verifying.undisturbed(vectors, SETTINGS)
    letters = [build_dead_letter(one, topic="news.dead-letters", service="embedder") for one in outcome.rejected]
    return replace(calm, articles=articles, vectors=vectors, dead_letters=placed(letters, lambda *_: 0))


def found(topics: Topics) -> list[str]:
    """What the verifier says of them."""
    return [
        *verifying.ingest_problems(lines(), topics.articles),
        *verifying.embedding_problems(topics, WordEncoder(), SETTINGS),
        *verifying.clustering_differences(topics, verifying.undisturbed(topics.vectors, SETTINGS)),
    ]


def lost(records: Records) -> Records:
    return records[:-1]


def repeated(records: Records) -> Records:
    return [*records, records[-1]]


def swapped(records: Records) -> Records:
    """The last record before another of its key or partition, as if it had overtaken it."""
    last = records[-1]
    place = next(place for place, one in enumerate(records) if _compete(one, last))
    return [*records[:place], last, *records[place + 1 : -1], records[place]]


def _compete(one: Record, last: Record) -> bool:
    return one.value != last.value and (one.key == last.key if "updates" in last.topic else one.source == last.source)


def test_an_undisturbed_newsroom_is_right() -> None:
    assert len(good().updates) > len({record.key for record in good().updates}), (
        "no story has two updates to be swapped"
    )
    assert found(good()) == []


@pytest.mark.parametrize("topic", ["articles", "vectors", "updates", "stories", "memberships", "dead_letters"])
def test_a_lost_record_is_found(topic: str) -> None:
    # Of a compacted topic the latest record of a key counts: all of its key are lost.
    records: Records = getattr(good(), topic)
    key = records[-1].key
    compacted = topic in {"stories", "memberships"}
    left = [record for record in records if record.key != key] if compacted else lost(records)
    assert found(replace(good(), **{topic: left})) != []


@pytest.mark.parametrize("topic", ["articles", "vectors", "updates", "dead_letters"])
def test_a_repeated_record_is_found(topic: str) -> None:
    assert found(replace(good(), **{topic: repeated(getattr(good(), topic))})) != []


@pytest.mark.parametrize("topic", ["articles", "updates"])
def test_records_out_of_order_are_found(topic: str) -> None:
    assert found(replace(good(), **{topic: swapped(getattr(good(), topic))})) != []


def test_a_dead_letter_for_a_record_that_was_processed_is_found() -> None:
    extra = build_dead_letter(
        Rejection(good().vectors[0], "by mistake"), topic="news.dead-letters", service="clusterer"
    )
    letters = [*good().dead_letters, *placed([extra], lambda *_: 1)]
    assert found(replace(good(), dead_letters=letters)) != []


def test_a_state_record_of_another_value_is_found() -> None:
    for topic in ("stories", "memberships"):
        records: Records = getattr(good(), topic)
        changed = replace(records[-1], value=(records[-1].value or b"") + b" ")
        assert found(replace(good(), **{topic: [*records, changed]})) != []
