"""Other configurations than the shipped one: without a part, or with one value a fifth lower or higher.

Read from the fields of `Parameters` at run time: a new number or switch there is varied without a word here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from services.clusterer.core.parameters import Parameters

STEP: Final = 0.2
BAR_OFFSETS: Final = (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Where the base of the bar is looked for, from the shipped one, once a part is gone: as far as a bar without background."""

WITHOUT: Final[dict[str, dict[str, object]]] = {
    "copies": {"copy_jaccard": 1.01},
    "boilerplate": {"copy_fit": -1.0},
    "lead view": {"lead_weight": 0.0},
    "title view": {"title_weight": 0.0},
    "TF-IDF": {"terms_weight": 0.0},
    "length correction": {"short_text_factor": 1.0},
    "centroid": {"centroid_share": 0.0},
    "mean over members": {"centroid_share": 1.0},
    "time": {"decay": timedelta(days=100_000)},
    "mean time": {"span_share": 1.0},
    "background": {"bar_mean": 0.0, "bar_std": 0.0},
    "size": {"bar_size": 0.0},
    "second look": {"second_look": timedelta(days=100_000)},
    "late merge": {"merge_bar": 100.0},
}
"""Part -> the values that leave it out. A part that this engine has no field for is passed over."""

AFTERWARDS: Final = frozenset({"related_every", "retention"})
"""What these decide comes after an article has its place."""

Number = int | float | timedelta


def without_parts(parameters: Parameters) -> dict[str, Parameters]:
    """The configuration without each part: those of `WITHOUT`, and every field that is a switch, turned over."""
    fields = set(Parameters.__struct_fields__)
    found = {
        f"without {part}": msgspec.structs.replace(parameters, **values)
        for part, values in WITHOUT.items()
        if fields.issuperset(values)
    }
    for name, value in values_of(parameters).items():
        if isinstance(value, bool):
            found[f"{name} {'off' if value else 'on'}"] = msgspec.structs.replace(parameters, **{name: not value})
    return found


def refitted(parameters: Parameters) -> list[Parameters]:
    """The configuration with other bases of the bar, for a part that is missing moves all scores."""
    return [
        msgspec.structs.replace(parameters, bar_base=round(parameters.bar_base + offset, 3)) for offset in BAR_OFFSETS
    ]


def stepped(parameters: Parameters) -> dict[str, Parameters]:
    """The configuration with each number `STEP` lower and higher; counts change by one at least, and 0 stays 0."""
    found = {}
    for name, value in values_of(parameters).items():
        if isinstance(value, bool) or not isinstance(value, Number) or name in AFTERWARDS:
            continue
        for sign in (-1, 1):
            other = _scaled(value, sign)
            if other != value:
                found[f"{name} {sign * STEP:+.0%}"] = msgspec.structs.replace(parameters, **{name: other})
    return found


def values_of(parameters: Parameters) -> dict[str, object]:
    """The fields and their values."""
    return {name: getattr(parameters, name) for name in Parameters.__struct_fields__}


def _scaled(value: Number, sign: int) -> Number:
    if isinstance(value, int):
        return value + sign * max(1, round(abs(value) * STEP))
    return value * (1 + sign * STEP)
