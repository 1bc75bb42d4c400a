from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from evaluation.search import climb, known_bounds, neighbours, random_points
from evaluation.space import SPACE
from evaluation.variations import WITHOUT, refitted, stepped, values_of, without_parts
from services.clusterer.core.parameters import Parameters

SHIPPED = Parameters()
BOUNDS = {"merge_bar": (0.0, 1.0), "decay": (timedelta(days=2), timedelta(days=14))}


def hill(points: Sequence[Parameters]) -> list[float]:
    """Highest at a bar of .7 and a decay of five days."""
    return [-abs(one.merge_bar - 0.7) - abs(one.decay / timedelta(days=5) - 1) for one in points]


def test_random_points_begin_with_the_shipped_ones_and_follow_from_the_seed() -> None:
    points = random_points(BOUNDS, 20, seed=1)
    assert points[0] == SHIPPED
    assert points == random_points(BOUNDS, 20, seed=1)
    assert points[1:] != random_points(BOUNDS, 20, seed=2)[1:]
    for point in points[1:]:
        assert all(low <= getattr(point, name) <= high for name, (low, high) in BOUNDS.items())
        untouched = {name: value for name, value in values_of(point).items() if name not in BOUNDS}
        assert untouched.items() <= values_of(SHIPPED).items()


def test_climbing_finds_the_top() -> None:
    best, height = climb(BOUNDS, random_points(BOUNDS, 5, seed=1), hill, rounds=40)
    assert height > -0.02
    assert abs(best.merge_bar - 0.7) < 0.02


def test_without_rounds_the_best_point_is_chosen_and_the_first_on_a_tie() -> None:
    points = random_points(BOUNDS, 5, seed=1)
    assert climb(BOUNDS, points, hill, rounds=0)[0] == max(points, key=lambda point: hill([point])[0])
    assert climb(BOUNDS, points, lambda some: [0.0] * len(some), rounds=3)[0] == SHIPPED


def test_steps_stay_within_the_bounds() -> None:
    corner = msgspec.structs.replace(SHIPPED, merge_bar=1.0, decay=timedelta(days=2))
    near = neighbours(corner, BOUNDS, step=0.25)
    assert [(one.merge_bar, one.decay) for one in near] == [
        (0.75, timedelta(days=2)),
        (1.0, timedelta(days=5)),
    ]


def test_the_space_fits_the_parameters() -> None:
    bounds = known_bounds(SPACE)
    assert bounds
    for name, (low, high) in bounds.items():
        assert low < high
        assert type(low) is type(getattr(SHIPPED, name))


def test_every_number_is_stepped_both_ways_and_nothing_else_changes() -> None:
    found = stepped(SHIPPED)
    for name, value in values_of(SHIPPED).items():
        for sign in ("-20%", "+20%"):
            if (varied := found.get(f"{name} {sign}")) is not None:
                changed = {field for field, other in values_of(varied).items() if other != getattr(SHIPPED, field)}
                assert changed == {name}
                assert type(getattr(varied, name)) is type(value)
    assert found["merge_bar -20%"].merge_bar == SHIPPED.merge_bar * 0.8
    assert found["window +20%"].window == SHIPPED.window * 1.2
    assert found["candidates +20%"].candidates > SHIPPED.candidates
    assert "retention +20%" not in found


def test_a_missing_part_gets_a_bar_of_its_own() -> None:
    found = refitted(SHIPPED)
    assert SHIPPED in found
    assert len({one.bar_base for one in found}) == len(found)
    assert {msgspec.structs.replace(one, bar_base=SHIPPED.bar_base) for one in found} == {SHIPPED}


def test_each_part_that_this_engine_has_can_be_left_out() -> None:
    found = without_parts(SHIPPED)
    assert {"without copies", "without time", "without late merge"} <= found.keys()
    assert all(varied != SHIPPED for varied in found.values())
    for part, values in WITHOUT.items():
        if (varied := found.get(f"without {part}")) is not None:
            assert values.items() <= values_of(varied).items()
