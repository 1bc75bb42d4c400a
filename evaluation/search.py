"""Looking for parameters: random points first, then steps along one coordinate at a time. Pure but for the trials it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final

import msgspec

from services.clusterer.core.parameters import Parameters

Bounds = Mapping[str, tuple[Any, Any]]
"""Field -> lowest and highest value; both float, int or timedelta."""
Objective = Callable[[Sequence[Parameters]], list[float]]
"""What is to be as high as can be, for each configuration."""

FIRST_STEP: Final = 1 / 8
"""Of the distance between the bounds; halved after each round that finds nothing better."""


def known_bounds(space: Bounds) -> dict[str, tuple[Any, Any]]:
    """The part of the space that `Parameters` has fields for."""
    return {name: bounds for name, bounds in space.items() if name in Parameters.__struct_fields__}


def random_points(bounds: Bounds, count: int, seed: int) -> list[Parameters]:
    """The shipped configuration and `count` others, uniform between the bounds; the same for the same seed."""
    random = Random(seed)  # noqa: S311 - no secret
    return [Parameters()] + [
        msgspec.structs.replace(Parameters(), **{name: _at(two, random.random()) for name, two in bounds.items()})
        for _ in range(count)
    ]


def climb(
    bounds: Bounds, points: Sequence[Parameters], objective: Objective, *, rounds: int
) -> tuple[Parameters, float]:
    """The best configuration found from `points` by steps along each coordinate, and its objective.

    In each round every coordinate is moved both ways; the best of these, if it is better, is the next to start from.
    """
    best, height = _best(points, objective(points))
    step = FIRST_STEP
    for _ in range(rounds):
        near = neighbours(best, bounds, step)
        candidate, found = _best(near, objective(near)) if near else (best, height)
        if found > height:
            best, height = candidate, found
        else:
            step /= 2
    return best, height


def neighbours(parameters: Parameters, bounds: Bounds, step: float) -> list[Parameters]:
    """The configurations one step lower and higher along each coordinate, within the bounds."""
    near = []
    for name, (low, high) in bounds.items():
        value = getattr(parameters, name)
        for sign in (-1, 1):
            moved = min(max(_rounded(value + sign * step * (high - low), low), low), high)
            if moved != value:
                near.append(msgspec.structs.replace(parameters, **{name: moved}))
    return near


def _best(points: Sequence[Parameters], heights: Sequence[float]) -> tuple[Parameters, float]:
    place = max(range(len(points)), key=lambda place: (heights[place], -place))
    return points[place], heights[place]


def _at(bounds: tuple[Any, Any], position: float) -> Any:
    low, high = bounds
    return _rounded(low + position * (high - low), low)


def _rounded(value: Any, like: Any) -> Any:
    """The value with as many digits as a person would write."""
    if isinstance(value, timedelta):
        return timedelta(hours=round(value / timedelta(hours=1)))
    return round(value) if isinstance(like, int) else round(value, 3)
