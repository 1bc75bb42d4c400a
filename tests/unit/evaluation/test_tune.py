from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from evaluation.replays.variations import field_values
from evaluation.tuning.search import parameters_at, search
from evaluation.tuning.space import ORIGIN, SPACE
from services.clusterer.core.parameters import Parameters

SHIPPED = Parameters()
DAYS = timedelta(days=1)
BARS = ("bar_base", "bar_mean", "bar_std", "bar_size", "merge_bar")


def hill(parameters: Parameters, seeds: Sequence[int]) -> float:
    """Return a score that is highest at a bar of .2 and a decay of five days, with an error for each order."""
    noise = np.mean([np.random.default_rng(seed).normal() for seed in seeds])
    return float(-abs(parameters.bar_base - 0.2) * 10 - abs(parameters.decay / DAYS - 5) + 0.01 * noise)


def test_the_search_finds_the_maximum_despite_noise_between_orders() -> None:
    found = search(hill, generations=40, seed=1)
    assert abs(found.bar_base - 0.2) < 0.02
    assert abs(found.decay / DAYS - 5) < 0.3
    assert found == search(hill, generations=40, seed=1)


def test_a_tiny_gain_moves_no_parameter() -> None:
    """A slope of .002 of F1 from bound to bound is smaller than the difference between two orders of the same articles."""

    def slope(parameters: Parameters, _seeds: Sequence[int]) -> float:
        return 0.002 * sum(positions_of(parameters).values())

    found, origin = positions_of(search(slope, generations=40, seed=1)), positions_of(ORIGIN)
    assert all(abs(found[name] - origin[name]) < 0.2 for name in BARS)


def positions_of(parameters: Parameters) -> dict[str, float]:
    """Return the positions of the bars between their bounds, from 0 to 1."""
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    return {
        name: (getattr(parameters, name) - low) / (high - low) for name, (low, high) in bounds.items() if name in BARS
    }


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
