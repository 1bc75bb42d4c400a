"""Real articles, all of them, on both logs, undisturbed and under blows: one and the same outcome, and books that balance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLE_VECTORS
from tests.acceptance.blows import blows, run_under
from tests.acceptance.conftest import NewInstallation
from tests.acceptance.installation import Installation
from tests.acceptance.replay import MAPPED, Replay, assert_same, outcome
from tests.acceptance.stirred import stirred

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_500)]

Undisturbed = Callable[[str], Replay]


def test_every_article_counts_once(kind: str, undisturbed: Undisturbed, article_count: int) -> None:
    replay = undisturbed(kind)

    assert replay.published.dead_letters == ()
    assert len(replay.published.memberships) == article_count
    assert replay.problems == []


@pytest.mark.kafka
def test_both_logs_tell_the_same_stories(undisturbed: Undisturbed) -> None:
    assert_same(undisturbed("kafka"), undisturbed("sqlite"))


def test_services_that_are_stopped_and_killed_come_to_the_same(
    installation: Installation, undisturbed: Undisturbed, articles_file: Path, article_count: int
) -> None:
    installation.command("topics", "create")
    installation.command("ingest", str(articles_file), *MAPPED)

    run_under(
        installation,
        {
            "embedder": blows(5, records=article_count, after_s_max=3.0, seed=1),
            "clusterer": blows(6, records=article_count, after_s_max=2.0, seed=2),
        },
    )

    found = outcome(installation)
    assert found.problems == []
    assert_same(found, undisturbed("sqlite"))


def test_a_clusterer_killed_again_and_again_comes_to_the_same(
    installation: Installation, new_installation: NewInstallation, undisturbed: Undisturbed
) -> None:
    """Corrections, retractions and repeats too. The vectors are those of the real run: encoding them again proves no more."""
    vectors = stirred(undisturbed("sqlite").published.vectors)
    calm = new_installation("sqlite")
    for place in (calm, installation):
        place.command("topics", "create")
        place.write(ARTICLE_VECTORS, vectors)
    calm.run("clusterer")

    run_under(installation, {"clusterer": blows(9, records=len(vectors), after_s_max=0.1, seed=3)})

    found = outcome(installation)
    assert found.problems == []
    assert_same(found, outcome(calm))
