"""The errors for missing topics and wrong settings of topics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from newsloom.log_names import state_topic_names, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Log, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.topic_check import check_topics, topic_problems

SETTINGS = Settings(partitions=3, state_partitions=2)
SPECS = topic_specs(SETTINGS)
STATE = state_topic_names(SETTINGS)


@pytest.fixture
def log() -> Iterator[Log]:
    log = open_log_url("sqlite://")
    yield log
    log.close()


def problems(log: Log, *made: TopicSpec) -> list[str]:
    """Return the problems of a log with these topics in place of the expected ones."""
    names = {spec.name for spec in made}
    log.admin().create([*made, *(spec for spec in SPECS if spec.name not in names)])
    return topic_problems(log.admin(), SPECS, STATE)


def named(name: str) -> TopicSpec:
    return next(spec for spec in SPECS if spec.name == name)


def test_correct_topics_have_no_problems(log: Log) -> None:
    assert problems(log) == []
    check_topics(log.admin(), SPECS, STATE)


def test_the_problem_of_a_missing_topic_says_how_to_create_it(log: Log) -> None:
    log.admin().create([spec for spec in SPECS if spec.name != "news.stories"])
    assert topic_problems(log.admin(), SPECS, STATE) == [
        "topic news.stories does not exist: run `newsloom topics create`"
    ]


def test_the_problem_of_a_state_topic_with_retention_says_what_to_set(log: Log) -> None:
    (problem,) = problems(log, replace(named("news.stories"), policy=CleanupPolicy.DELETE))
    assert problem == ("topic news.stories has cleanup policy delete, needs compact: set cleanup.policy=compact on it")


def test_an_unknown_compression_is_named_with_the_allowed_ones(log: Log) -> None:
    (problem,) = problems(log, replace(named("news.articles"), config={"compression.type": "brotli"}))
    assert problem == (
        "topic news.articles has compression.type=brotli, which newsloom cannot read: "
        "set it to one of producer, uncompressed, gzip, snappy, lz4, zstd"
    )


def test_state_topics_with_different_partition_counts_are_named(log: Log) -> None:
    (problem,) = problems(log, replace(named("news.article-stories"), partitions=4))
    assert "news.article-vectors has 2" in problem
    assert "news.article-stories has 4" in problem
    assert "NEWSLOOM_TOPIC_PREFIX" in problem


def test_partition_counts_may_differ_from_the_settings(log: Log) -> None:
    grown = [replace(spec, partitions=7) for spec in SPECS]
    assert problems(log, *grown) == []


def test_all_problems_are_reported_at_once(log: Log) -> None:
    log.admin().create([replace(named("news.stories"), policy=CleanupPolicy.DELETE)])
    with pytest.raises(ConfigurationError) as error:
        check_topics(log.admin(), SPECS, STATE)
    missing, _, wrong = str(error.value).partition("; ")
    assert [spec.name in missing for spec in SPECS] == [spec.name != "news.stories" for spec in SPECS]
    assert "news.stories" in wrong
