from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.baselines import BASELINES
from evaluation.baselines.label_cache import remembered
from evaluation.baselines.observations import Observed, noise_alone, observe
from evaluation.scores.metrics import b_cubed
from evaluation.streams.stream import read_stream
from evaluation.streams.vectors import vectorize
from tests.unit.evaluation.newsroom import TEXTS, WordEncoder, row, write_stream


@pytest.fixture
def observed(tmp_path: Path) -> Observed:
    rows = [row(number, list(TEXTS)[number % 3], day=1 + number // 6) for number in range(24)]
    stream = read_stream(write_stream(tmp_path, "three", rows))
    events = [event for event in vectorize(stream, WordEncoder()) if event is not None]
    return observe(stream, events, WordEncoder())


@pytest.mark.parametrize("name", BASELINES)
def test_three_plain_stories_are_told_apart(name: str, observed: Observed) -> None:
    labels = BASELINES[name](observed)
    figures = b_cubed([number % 3 for number in range(24)], labels)
    assert figures.precision == 1.0
    assert figures.recall > 0.5


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_articles_get_the_same_labels(name: str, observed: Observed) -> None:
    assert BASELINES[name](observed) == BASELINES[name](observed)


@pytest.mark.parametrize("name", BASELINES)
def test_one_article_is_one_story(name: str, observed: Observed) -> None:
    alone = Observed(observed.vectors[:1], observed.days[:1], observed.texts[:1])
    assert len(BASELINES[name](alone)) == 1


@pytest.mark.parametrize("name", ["greedy centroid", "nearest member", "HDBSCAN, 7 days"])
def test_what_comes_a_month_later_is_another_story(name: str, observed: Observed) -> None:
    # The same vectors again, after a month: the baselines that know time found new stories.
    twice = Observed(
        np.concatenate([observed.vectors] * 2), np.concatenate([observed.days, observed.days + 30]), observed.texts * 2
    )
    labels = BASELINES[name](twice)
    assert not set(labels[:24]) & set(labels[24:])


def test_labels_are_remembered_for_the_same_articles_only(tmp_path: Path, observed: Observed) -> None:
    seen: list[Observed] = []

    def everything_is_one(some: Observed) -> list[int]:
        seen.append(some)
        return [0] * len(some.days)

    later = Observed(observed.vectors, observed.days + 1, observed.texts)
    for some in (observed, observed, later):
        assert remembered("one", everything_is_one, some, tmp_path / "cache") == [0] * 24
    assert [some.days[0] for some in seen] == [observed.days[0], later.days[0]]


def test_noise_is_alone() -> None:
    assert noise_alone([0, -1, 0, 1, -1]) == [0, 3, 0, 1, 6]
