from __future__ import annotations

import msgspec

from evaluation.replays.variations import WITHOUT, field_values, with_other_bars, with_other_numbers, without_parts
from services.clusterer.core.parameters import Parameters

SHIPPED = Parameters()


def test_each_number_changes_in_both_directions_and_nothing_else() -> None:
    found = with_other_numbers(SHIPPED)
    for name, value in field_values(SHIPPED).items():
        for sign in ("-20%", "+20%"):
            if (varied := found.get(f"{name} {sign}")) is not None:
                changed = {field for field, other in field_values(varied).items() if other != getattr(SHIPPED, field)}
                assert changed == {name}
                assert type(getattr(varied, name)) is type(value)
    assert found["merge_bar -20%"].merge_bar == SHIPPED.merge_bar * 0.8
    assert found["window +20%"].window == SHIPPED.window * 1.2
    assert found["candidates +20%"].candidates > SHIPPED.candidates
    assert "retention +20%" not in found


def test_other_bars_change_the_base_only() -> None:
    found = with_other_bars(SHIPPED)
    assert SHIPPED in found
    assert len({one.bar_base for one in found}) == len(found)
    assert {msgspec.structs.replace(one, bar_base=SHIPPED.bar_base) for one in found} == {SHIPPED}


def test_each_part_of_the_engine_can_be_disabled() -> None:
    found = without_parts(SHIPPED)
    assert {"without copies", "without time", "without late merge"} <= found.keys()
    assert all(varied != SHIPPED for varied in found.values())
    for part, values in WITHOUT.items():
        if (varied := found.get(f"without {part}")) is not None:
            assert values.items() <= field_values(varied).items()
