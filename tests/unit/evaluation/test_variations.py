from __future__ import annotations

import msgspec

from evaluation.replays.variations import WITHOUT, refitted, stepped, values_of, without_parts
from services.clusterer.core.parameters import Parameters

SHIPPED = Parameters()


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
