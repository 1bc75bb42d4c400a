"""Replicas of both services that come and go under load, as processes on a real broker."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from services.verifier.verification import find_violations
from tests.chaos import verifying
from tests.chaos.embedder import keep_vectors, kept_vectors
from tests.chaos.traffic import traffic
from tests.scaling.newsroom_life import PARTITIONS, STATE_PARTITIONS, Life, live

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vectors")


@pytest.fixture(scope="module")
def life(kafka_url: str, tmp_path_factory: pytest.TempPathFactory, vectors: Path) -> Iterator[Life]:
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic([sample], seed=2)
    keep_vectors(lines, vectors, Settings().model)
    lived = live(kafka_url, f"t{uuid.uuid4().hex[:8]}.", tmp_path_factory.mktemp("newsroom"), lines, vectors)
    print(f"\na lost replica's partitions: taken over and all done after {lived.taken_over_s:.1f} s (session: 10 s)")
    for name, restores in lived.restores.items():
        print(f"{name}: {restores}")
    yield lived
    lived.newsroom.kill()


def test_everybody_ended_as_told(life: Life) -> None:
    assert life.newsroom.problems == []


def test_a_replica_that_joins_gets_a_share_and_nobody_else_restores(life: Life) -> None:
    """What users want of a cooperative rebalance: a partition that is kept goes on with the state it has."""
    assert sorted(life.restores["first"]) == [("clusterer-0", number) for number in range(STATE_PARTITIONS)]
    assert [name for name, _ in life.restores["second joins"]] == ["clusterer-1"]
    assert [name for name, _ in life.restores["third joins"]] == ["clusterer-2"]


def test_the_partitions_of_a_replica_that_is_lost_or_leaves_go_to_the_others_and_nothing_else_is_restored(
    life: Life,
) -> None:
    ((_, lost),) = life.restores["second joins"]
    assert life.restores["second is lost"] == [("clusterer-0", lost)]
    ((_, moved),) = life.restores["third joins"]
    left = [("clusterer-2", number) for number in range(STATE_PARTITIONS) if number != moved]
    assert sorted(life.restores["first leaves"]) == left


def test_each_replica_of_the_embedder_has_a_share_of_the_articles(life: Life) -> None:
    articles = topic_name(life.settings, ARTICLES)
    assert {name: share[articles] for name, share in life.shares.items()} == {"0": PARTITIONS / 2, "1": PARTITIONS / 2}


def test_no_duplicate_work_is_to_be_seen(life: Life, vectors: Path) -> None:
    with closing(open_log_url(life.settings.log)) as log:
        found = verifying.Topics.read(log, life.settings.topic_prefix)
        assert find_violations(log, life.settings) == []
    assert list(verifying.ingest_problems(life.lines, found.articles)) == []
    assert list(verifying.embedding_problems(found, kept_vectors(vectors, life.settings.model), life.settings)) == []
    calm = verifying.undisturbed(found.vectors, life.settings)
    assert list(verifying.clustering_differences(found, calm)) == []


def test_more_editions_than_partitions_and_none_in_two_of_them(life: Life) -> None:
    with closing(open_log_url(life.settings.log)) as log:
        found = verifying.Topics.read(log, life.settings.topic_prefix)
    homes = {(record.key, record.partition) for record in found.vectors}
    assert len(homes) == len({edition for edition, _ in homes}) > STATE_PARTITIONS
    stories = {(record.header("edition"), record.partition) for record in (*found.stories, *found.memberships)}
    assert stories == {((edition or b"").decode(), partition) for edition, partition in homes}
