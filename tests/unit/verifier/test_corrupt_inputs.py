"""Vectors and places in the input that do not fit what was taken in.

Each single corruption of the topics is noticed, and its culprit named.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.streaming.records import TopicPartition
from tests.laws.streams import article
from tests.unit.verifier.corruption import Corruption, check_noticed, vectors_of_main
from tests.unit.verifier.desk import Desk


def vector_is_lost(desk: Desk) -> str:
    desk.delete(vectors_of_main(desk)[2])
    return f"{vectors_of_main(desk)[2].topic.replace('article-vectors', 'articles')}/0"


def vector_is_repeated(desk: Desk) -> str:
    record = vectors_of_main(desk)[-1]
    desk.append(record)
    return f"vector {record.partition}/{record.offset}"


def vectors_change_places(desk: Desk) -> str:
    first, second = vectors_of_main(desk)[:2]
    desk.swap(first, second)
    return f"vector {second.partition}/{second.offset}"


def article_was_never_clustered(desk: Desk) -> str:
    record = vectors_of_main(desk)[4]
    other = msgspec.structs.replace(article(20), edition="main")
    desk.alter(replace(record, value=encode(other)))
    return "a20"


def edition_is_in_two_partitions(desk: Desk) -> str:
    record = vectors_of_main(desk)[-1]
    desk.delete(record)
    other = next(one for one in desk.records(ARTICLE_VECTORS) if one.partition != record.partition)
    desk.alter(replace(other, key=record.key, value=record.value))
    return f"{other.topic}/{other.partition}/{other.offset}"


def offsets_say_less_than_was_done(desk: Desk) -> str:
    record = vectors_of_main(desk)[-1]
    desk.commit("clusterer", record.source, record.offset - 8)
    return "article-vectors"


def embedder_has_gone_back(desk: Desk) -> str:
    desk.commit("embedder", TopicPartition("news.articles", 0), 3)
    return "news.articles/0/3"


def offsets_are_beyond_the_end(desk: Desk) -> str:
    desk.commit("embedder", TopicPartition("news.articles", 0), 10_000)
    return "news.articles/0"


CORRUPTIONS = [
    (vector_is_lost, "passed_on"),
    (vector_is_repeated, "passed_on"),
    (vectors_change_places, "passed_on"),
    (article_was_never_clustered, "articles"),
    (edition_is_in_two_partitions, "editions"),
    (offsets_say_less_than_was_done, "offsets"),
    (embedder_has_gone_back, "offsets"),
    (offsets_are_beyond_the_end, "offsets"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_noticed_and_its_culprit_named(desk: Desk, corruption: Corruption, invariant: str) -> None:
    check_noticed(desk, corruption, invariant)
