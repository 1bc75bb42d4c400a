from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from evaluation.space import SPACE
from evaluation.tune import parameters_at, search
from evaluation.variations import values_of
from services.clusterer.core.parameters import Parameters

SHIPPED = Parameters()
DAYS = timedelta(days=1)


def hill(parameters: Parameters, seeds: Sequence[int]) -> float:
    """Highest at a bar of .2 and a decay of five days; every order adds its own error."""
    noise = np.mean([np.random.default_rng(seed).normal() for seed in seeds])
    return float(-abs(parameters.bar_base - 0.2) * 10 - abs(parameters.decay / DAYS - 5) + 0.01 * noise)


def test_the_search_finds_the_top_though_every_order_says_something_else() -> None:
    found = search(hill, generations=40, seed=1)
    assert abs(found.bar_base - 0.2) < 0.02
    assert abs(found.decay / DAYS - 5) < 0.3
    assert found == search(hill, generations=40, seed=1)


def test_every_point_lies_within_the_bounds_and_leaves_the_rest_as_shipped() -> None:
    for position in (0.0, 0.3, 1.0):
        point = values_of(parameters_at(np.full(len(SPACE), position)))
        weights = [point[name] for name in ("lead_weight", "title_weight", "terms_weight")]
        assert abs(sum(map(float, map(str, weights))) - 1) < 0.003
        for name, (low, high) in SPACE.items():
            value: Any = point[name]
            assert name.endswith("_weight") or low <= value <= high
        untouched = {name: value for name, value in values_of(SHIPPED).items() if name not in SPACE}
        assert untouched.items() <= point.items()


def test_the_space_fits_the_parameters() -> None:
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    for name, (low, high) in bounds.items():
        assert low < high
        assert type(low) is type(getattr(SHIPPED, name))
