"""The search for parameters within `SPACE`: points spread over it first, then points around the best of them.

Sources: Latin hypercube sampling, McKay, Beckman, Conover 1979; the cross-entropy method, Rubinstein 1999.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from evaluation.tuning.space import SPACE
from services.clusterer.core.parameters import Parameters

ELITE: Final = 5
"""The result is the mean of so many of the best points: a single best one is mostly lucky, as scores differ between orders."""
WEIGHTS: Final = ("lead_weight", "title_weight", "terms_weight")

Score = Callable[[Sequence[Parameters]], Sequence[float]]
"""Returns the score of each of the parameters."""
Points = npt.NDArray[np.float64]
"""Parameters as positions between their bounds, from 0 to 1, (points, fields)."""


@dataclass(frozen=True, slots=True)
class SearchSize:
    """How many points a search tries: `points` at first, `ELITE` or more, then `round_points` in each of `rounds`."""

    points: int
    rounds: int
    round_points: int
    seed: int


def search(score: Score, size: SearchSize) -> Parameters:
    """Return the mean of the points with the highest scores. The first points depend on the size alone, not on the scores."""
    random = np.random.default_rng(size.seed)
    points = _spread(size.points, random)
    scores = list(score(list(map(parameters_at, points))))
    for _ in range(size.rounds):
        best = _best(points, scores)
        drawn = np.clip(random.normal(best.mean(axis=0), best.std(axis=0), (size.round_points, len(SPACE))), 0, 1)
        points = np.concatenate((points, drawn))
        scores += score(list(map(parameters_at, drawn)))
    return parameters_at(_best(points, scores).mean(axis=0))


def parameters_at(point: Points) -> Parameters:
    """Return the shipped parameters with the fields of `SPACE` at this point, (fields,); the weights are scaled to a sum of 1."""
    bounds: Mapping[str, tuple[Any, Any]] = SPACE
    values = {name: low + (high - low) * float(x) for (name, (low, high)), x in zip(bounds.items(), point, strict=True)}
    total = sum(values[name] for name in WEIGHTS)
    values.update({name: values[name] / total for name in WEIGHTS})
    return msgspec.structs.replace(Parameters(), **{name: _rounded(value) for name, value in values.items()})


def _spread(count: int, random: np.random.Generator) -> Points:
    """Return points that fill the space evenly: each field has one of them in each of `count` equal intervals."""
    intervals = random.permuted(np.tile(np.arange(count), (len(SPACE), 1)), axis=1).T
    points: Points = (intervals + random.random(intervals.shape)) / count
    return points


def _best(points: Points, scores: Sequence[float]) -> Points:
    return points[np.argsort(scores, kind="stable")[-ELITE:]]


def _rounded(value: Any) -> Any:
    """Round to as many digits as a person would write."""
    return timedelta(hours=round(value / timedelta(hours=1))) if isinstance(value, timedelta) else round(value, 3)
