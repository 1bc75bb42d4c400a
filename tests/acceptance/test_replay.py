"""All real articles on both logs, with and without killed services: the same result, and no violations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLE_VECTORS
from tests.acceptance.changed_vectors import with_changes
from tests.acceptance.conftest import NewInstallation
from tests.acceptance.installation import Installation
from tests.acceptance.planned_signals import plan_signals, run_with_signals
from tests.acceptance.replay import MAPPED, Replay, assert_same, read_replay

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_500)]

ReferenceReplay = Callable[[str], Replay]


def test_every_article_counts_once(kind: str, reference_replay: ReferenceReplay, article_count: int) -> None:
    replay = reference_replay(kind)

    assert replay.published.dead_letters == ()
    assert len(replay.published.memberships) == article_count
    assert replay.violations == []


@pytest.mark.kafka
def test_both_logs_give_the_same_stories(reference_replay: ReferenceReplay) -> None:
    assert_same(reference_replay("kafka"), reference_replay("sqlite"))


def test_services_that_are_stopped_and_killed_give_the_same_result(
    installation: Installation, reference_replay: ReferenceReplay, articles_file: Path, article_count: int
) -> None:
    installation.command("topics", "create")
    installation.command("ingest", str(articles_file), *MAPPED)

    run_with_signals(
        installation,
        {
            "embedder": plan_signals(5, records=article_count, after_s_max=3.0, seed=1),
            "clusterer": plan_signals(6, records=article_count, after_s_max=2.0, seed=2),
        },
    )

    found = read_replay(installation)
    assert found.violations == []
    assert_same(found, reference_replay("sqlite"))


def test_a_clusterer_that_is_killed_repeatedly_gives_the_same_result(
    installation: Installation, new_installation: NewInstallation, reference_replay: ReferenceReplay
) -> None:
    """With corrections, retractions and duplicates, and with the vectors of the reference replay, to save time."""
    vectors = with_changes(reference_replay("sqlite").published.vectors)
    reference = new_installation("sqlite")
    for target in (reference, installation):
        target.command("topics", "create")
        target.write(ARTICLE_VECTORS, vectors)
    reference.run("clusterer")

    run_with_signals(installation, {"clusterer": plan_signals(9, records=len(vectors), after_s_max=0.1, seed=3)})

    found = read_replay(installation)
    assert found.violations == []
    assert_same(found, read_replay(reference))
