"""The search for parameters within `SPACE`. Source: CMA-ES, Hansen and Ostermeier 2001."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import repeat
from typing import Any, Final

import cma
import msgspec
import numpy as np
import numpy.typing as npt

from evaluation.tuning.compiled_stream import OWN_ORDER
from evaluation.tuning.space import ORIGIN, SPACE
from services.clusterer.core.parameters import Parameters

ORDERS: Final = 3
"""Orders that each candidate is tried in: the stream's own, and others that are new in each generation to avoid overfitting."""
POPULATION: Final = 12
FIRST_STEP: Final = 0.2
"""As a share of the distance between the bounds."""
PENALTY: Final = 0.3
"""Distance from `ORIGIN` costs F1: a third of the way between the bounds costs .002 in one field, .033 in all fifteen.

Three streams do not determine fifteen numbers: what a freer search gains on them, it loses on the stream held out.
"""
FINALISTS: Final = 12
FINAL_ORDERS: Final = 6
WEIGHTS: Final = ("lead_weight", "title_weight", "terms_weight")

Objective = Callable[[Parameters, Sequence[int]], float]
"""Takes parameters and the seeds of orders, and returns the mean F1."""
Point = npt.NDArray[np.float64]
"""Parameters as positions between their bounds, from 0 to 1, (fields,)."""


def search(objective: Objective, *, generations: int, seed: int, finalists: Sequence[Parameters] = ()) -> Parameters:
    """Return the parameters with the highest mean objective.

    CMA-ES starts from `ORIGIN` and pays a penalty for the distance from it. The means of the last distributions and the given
    finalists are then compared over `FINAL_ORDERS` fixed orders without the penalty. Means are compared, not the points tried:
    the score of a point depends too much on the orders it was tried in.
    """
    strategy = cma.CMAEvolutionStrategy(
        list(_point_of(ORIGIN)), FIRST_STEP, {"bounds": [0, 1], "popsize": POPULATION, "seed": seed, "verbose": -9}
    )
    means: list[Point] = []
    with ThreadPoolExecutor() as threads:

        def evaluate(points: Sequence[Point], seeds: Sequence[int]) -> list[float]:
            return list(threads.map(objective, map(parameters_at, points), repeat(seeds)))

        for generation in range(generations):
            points = strategy.ask()
            others = (1 + (seed * generations + generation) * ORDERS + number for number in range(1, ORDERS))
            found = evaluate(points, [OWN_ORDER, *others])
            strategy.tell(points, [_penalty(point) - f1 for f1, point in zip(found, points, strict=True)])
            means.append(np.array(strategy.result.xfavorite))
        last = [*means[-FINALISTS:], *map(_point_of, finalists)]
        final = evaluate(last, [OWN_ORDER, *range(10**6, 10**6 + FINAL_ORDERS - 1)])
    return parameters_at(last[max(range(len(last)), key=final.__getitem__)])


def parameters_at(point: Point) -> Parameters:
    """Return the shipped parameters with the fields of `SPACE` at this point; the weights are scaled to a sum of 1."""
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    values = {name: low + (high - low) * float(x) for (name, (low, high)), x in zip(bounds.items(), point, strict=True)}
    total = sum(values[name] for name in WEIGHTS)
    values.update({name: values[name] / total for name in WEIGHTS})
    return msgspec.structs.replace(Parameters(), **{name: _rounded(value) for name, value in values.items()})


def _point_of(parameters: Parameters) -> Point:
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    return np.array([(getattr(parameters, name) - low) / (high - low) for name, (low, high) in bounds.items()])


def _penalty(point: Point) -> float:
    return PENALTY * float(np.mean((point - _point_of(ORIGIN)) ** 2))


def _rounded(value: Any) -> Any:
    """Round to as many digits as a person would write."""
    return timedelta(hours=round(value / timedelta(hours=1))) if isinstance(value, timedelta) else round(value, 3)
