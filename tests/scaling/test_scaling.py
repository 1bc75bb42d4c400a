"""Replicas of both services join and leave under load, as processes on a real broker."""

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
from tests.chaos import reference_run
from tests.chaos.embedder import cache_vectors, cached_encoder
from tests.chaos.traffic import traffic
from tests.scaling.scaling_run import PARTITIONS, STATE_PARTITIONS, ScalingRun, run_scaling

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vectors")


@pytest.fixture(scope="module")
def run(kafka_url: str, tmp_path_factory: pytest.TempPathFactory, vectors: Path) -> Iterator[ScalingRun]:
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic([sample], seed=2)
    cache_vectors(lines, vectors, Settings().model)
    result = run_scaling(kafka_url, f"t{uuid.uuid4().hex[:8]}.", tmp_path_factory.mktemp("replicas"), lines, vectors)
    print(f"\npartitions of a killed replica: taken over and processed after {result.takeover_s:.1f} s (session: 10 s)")
    for name, restores in result.restores.items():
        print(f"{name}: {restores}")
    yield result
    result.replicas.kill_all()


def test_all_processes_ended_as_expected(run: ScalingRun) -> None:
    assert run.replicas.problems == []


def test_a_new_replica_gets_partitions_and_no_other_replica_restores(run: ScalingRun) -> None:
    """As with a cooperative rebalance: a partition that keeps its owner keeps its state."""
    assert sorted(run.restores["first"]) == [("clusterer-0", number) for number in range(STATE_PARTITIONS)]
    assert [name for name, _ in run.restores["second joins"]] == ["clusterer-1"]
    assert [name for name, _ in run.restores["third joins"]] == ["clusterer-2"]


def test_partitions_of_an_ended_replica_go_to_the_others_and_only_these_are_restored(
    run: ScalingRun,
) -> None:
    ((_, lost),) = run.restores["second joins"]
    assert run.restores["second is killed"] == [("clusterer-0", lost)]
    ((_, moved),) = run.restores["third joins"]
    left = [("clusterer-2", number) for number in range(STATE_PARTITIONS) if number != moved]
    assert sorted(run.restores["first leaves"]) == left


def test_each_embedder_has_an_equal_share_of_the_articles(run: ScalingRun) -> None:
    articles = topic_name(run.settings, ARTICLES)
    assert {name: share[articles] for name, share in run.shares.items()} == {"0": PARTITIONS / 2, "1": PARTITIONS / 2}


def test_the_result_has_no_duplicates(run: ScalingRun, vectors: Path) -> None:
    with closing(open_log_url(run.settings.log)) as log:
        found = reference_run.Topics.read(log, run.settings.topic_prefix)
        assert find_violations(log, run.settings) == []
    assert list(reference_run.ingest_problems(run.lines, found.articles)) == []
    assert (
        list(reference_run.embedding_problems(found, cached_encoder(vectors, run.settings.model), run.settings)) == []
    )
    expected = reference_run.run_clusterer(found.vectors, run.settings)
    assert list(reference_run.clustering_differences(found, expected)) == []


def test_each_edition_is_in_one_partition(run: ScalingRun) -> None:
    with closing(open_log_url(run.settings.log)) as log:
        found = reference_run.Topics.read(log, run.settings.topic_prefix)
    homes = {(record.key, record.partition) for record in found.vectors}
    assert len(homes) == len({edition for edition, _ in homes}) > STATE_PARTITIONS
    stories = {(record.header("edition"), record.partition) for record in (*found.stories, *found.memberships)}
    assert stories == {((edition or b"").decode(), partition) for edition, partition in homes}
