"""Vectors and committed offsets that do not match the input: each single corruption is reported by name."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.contracts.vector import ArticleRetraction
from newsloom.streaming.records import TopicPartition
from tests.laws.streams import article
from tests.unit.verifier.corruption import Corruption, check_reported, vectors_of_main
from tests.unit.verifier.log_file import LogFile


def vector_is_lost(log_file: LogFile) -> str:
    log_file.delete(vectors_of_main(log_file)[2])
    return f"{vectors_of_main(log_file)[2].topic.replace('article-vectors', 'articles')}/0"


def vector_is_duplicated(log_file: LogFile) -> str:
    record = vectors_of_main(log_file)[-1]
    log_file.append(record)
    return f"vector {record.partition}/{record.offset}"


def vectors_in_the_wrong_order(log_file: LogFile) -> str:
    first, second = vectors_of_main(log_file)[:2]
    log_file.swap(first, second)
    return f"vector {second.partition}/{second.offset}"


def vector_of_an_unclustered_article(log_file: LogFile) -> str:
    record = vectors_of_main(log_file)[4]
    other = msgspec.structs.replace(article(20), edition="main")
    log_file.alter(replace(record, value=encode(other)))
    return "a20"


def retraction_of_an_article_in_a_story(log_file: LogFile) -> str:
    article_id = next(member.article_id for _, member in log_file.memberships() if member.edition == "main")
    record = vectors_of_main(log_file)[-1]
    log_file.alter(replace(record, value=encode(ArticleRetraction(article_id=article_id, edition="main"))))
    return f"article {article_id} of edition main was retracted"


def edition_is_in_two_partitions(log_file: LogFile) -> str:
    record = vectors_of_main(log_file)[-1]
    log_file.delete(record)
    other = next(one for one in log_file.records(ARTICLE_VECTORS) if one.partition != record.partition)
    log_file.alter(replace(other, key=record.key, value=record.value))
    return f"{other.topic}/{other.partition}/{other.offset}"


def committed_offset_too_low(log_file: LogFile) -> str:
    record = vectors_of_main(log_file)[-1]
    log_file.commit("clusterer", record.topic_partition, record.offset - 8)
    return "article-vectors"


def embedder_offset_too_low(log_file: LogFile) -> str:
    log_file.commit("embedder", TopicPartition("news.articles", 0), 3)
    return "news.articles/0/3"


def committed_offset_beyond_the_end(log_file: LogFile) -> str:
    log_file.commit("embedder", TopicPartition("news.articles", 0), 10_000)
    return "news.articles/0"


CORRUPTIONS = [
    (vector_is_lost, "passed_on"),
    (vector_is_duplicated, "passed_on"),
    (vectors_in_the_wrong_order, "passed_on"),
    (vector_of_an_unclustered_article, "articles"),
    (retraction_of_an_article_in_a_story, "articles"),
    (edition_is_in_two_partitions, "editions"),
    (committed_offset_too_low, "offsets"),
    (embedder_offset_too_low, "offsets"),
    (committed_offset_beyond_the_end, "offsets"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_reported_by_name(log_file: LogFile, corruption: Corruption, invariant: str) -> None:
    check_reported(log_file, corruption, invariant)
