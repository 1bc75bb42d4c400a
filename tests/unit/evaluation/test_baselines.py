from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evaluation.baselines import BASELINES
from evaluation.baselines.label_cache import cached_labels
from evaluation.baselines.observations import Observations, observations_of, separate_noise
from evaluation.scores.metrics import b_cubed
from evaluation.streams.event_stream import vectorize
from evaluation.streams.files import read_stream
from tests.unit.evaluation.invented_stream import TEXTS, WordEncoder, row, write_stream


@pytest.fixture
def observations(tmp_path: Path) -> Observations:
    rows = [row(number, list(TEXTS)[number % 3], day=1 + number // 6) for number in range(24)]
    stream = read_stream(write_stream(tmp_path, "three", rows))
    events = [event for event in vectorize(stream, WordEncoder()) if event is not None]
    return observations_of(stream, events, WordEncoder())


@pytest.mark.parametrize("name", BASELINES)
def test_three_plain_stories_are_separated(name: str, observations: Observations) -> None:
    labels = BASELINES[name](observations)
    figures = b_cubed([number % 3 for number in range(24)], labels)
    assert figures.precision == 1.0
    assert figures.recall > 0.5


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_articles_get_the_same_labels(name: str, observations: Observations) -> None:
    assert BASELINES[name](observations) == BASELINES[name](observations)


@pytest.mark.parametrize("name", BASELINES)
def test_one_article_is_one_story(name: str, observations: Observations) -> None:
    alone = Observations(observations.vectors[:1], observations.days[:1], observations.texts[:1])
    assert len(BASELINES[name](alone)) == 1


@pytest.mark.parametrize("name", ["greedy centroid", "nearest member", "HDBSCAN, 7 days"])
def test_articles_a_month_later_are_another_story(name: str, observations: Observations) -> None:
    # The same vectors again after a month: baselines that use time found new stories.
    twice = Observations(
        np.concatenate([observations.vectors] * 2),
        np.concatenate([observations.days, observations.days + 30]),
        observations.texts * 2,
    )
    labels = BASELINES[name](twice)
    assert not set(labels[:24]) & set(labels[24:])


def test_labels_are_cached_for_the_same_articles_only(tmp_path: Path, observations: Observations) -> None:
    seen: list[Observations] = []

    def everything_is_one(some: Observations) -> list[int]:
        seen.append(some)
        return [0] * len(some.days)

    later = Observations(observations.vectors, observations.days + 1, observations.texts)
    for some in (observations, observations, later):
        assert cached_labels("one", everything_is_one, some, tmp_path / "cache") == [0] * 24
    assert [some.days[0] for some in seen] == [observations.days[0], later.days[0]]


def test_each_noise_article_gets_a_label_of_its_own() -> None:
    assert separate_noise([0, -1, 0, 1, -1]) == [0, 3, 0, 1, 6]
