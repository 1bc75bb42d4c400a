from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.replays.variations import field_values
from evaluation.scores.trials import TRIALS_FILE, Trials
from evaluation.tune import find_parameters
from evaluation.tuning.search import SearchSize, parameters_at, search
from evaluation.tuning.space import SPACE
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.random_stream import random_stream

SHIPPED = Parameters()
DAYS = timedelta(days=1)


def hill(points: Sequence[Parameters]) -> list[float]:
    """Return scores that are highest at a bar of .2 and a decay of five days."""
    return [-abs(one.bar_base - 0.2) * 10 - abs(one.decay / DAYS - 5) for one in points]


def test_the_search_comes_near_the_maximum_and_nearer_with_more_rounds() -> None:
    for seed in range(1, 4):
        first, last = (hill([search(hill, SearchSize(40, rounds, 20, seed))])[0] for rounds in (0, 8))
        assert first < last
        assert last > -0.15


def test_the_same_search_gives_the_same_values() -> None:
    size = SearchSize(20, 2, 5, seed=3)
    assert search(hill, size) == search(hill, size)


def test_searches_of_one_size_begin_with_the_same_points_spread_over_each_field() -> None:
    asked: list[Sequence[Parameters]] = []

    def score(points: Sequence[Parameters]) -> list[float]:
        asked.append(points)
        return [len(asked) * one.bar_base for one in points]

    for _ in range(2):
        search(score, SearchSize(30, 0, 1, seed=7))
    assert asked[0] == asked[1]
    low, high = SPACE["merge_bar"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    intervals = sorted(int((one.merge_bar - low) / (high - low) * 30 - 0.2) for one in asked[0])
    assert all(abs(found - number) <= 1 for number, found in enumerate(intervals))


def test_a_held_out_stream_does_not_change_what_is_found_without_it(tmp_path: Path) -> None:
    one, two, three = (replace(random_stream(seed, articles=40, stories=8), name=f"s{seed}") for seed in range(3))
    other = replace(random_stream(9, articles=40, stories=4), name="s2")
    size = SearchSize(10, 1, 2, seed=1)

    def found_without_s2(*streams: Any) -> Parameters:
        with Trials(streams, tmp_path, processes=1) as trials:
            names = [stream.name for stream in streams]
            return dict(find_parameters(trials, names, names, size))["s2"]

    assert found_without_s2(one, two, three) == found_without_s2(one, two, other)
    trials = (tmp_path / TRIALS_FILE).read_bytes().splitlines()
    # Three streams at the first points, once for all searches, and the fourth one; then the rounds.
    assert len(trials) >= 4 * size.points
    assert sum(b'"s0"' in line for line in trials) <= size.points + 4 * size.round_points


def test_every_point_is_within_the_bounds_and_leaves_other_fields_as_shipped() -> None:
    for position in (0.0, 0.3, 1.0):
        point = field_values(parameters_at(np.full(len(SPACE), position)))
        weights = [point[name] for name in ("lead_weight", "title_weight", "terms_weight")]
        assert abs(sum(map(float, map(str, weights))) - 1) < 0.003
        for name, (low, high) in SPACE.items():
            value: Any = point[name]
            assert name.endswith("_weight") or low <= value <= high
        untouched = {name: value for name, value in field_values(SHIPPED).items() if name not in SPACE}
        assert untouched.items() <= point.items()


def test_the_space_fits_the_parameters() -> None:
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    for name, (low, high) in bounds.items():
        assert low < high
        assert type(low) is type(getattr(SHIPPED, name))
