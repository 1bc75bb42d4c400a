"""Variations of a configuration: without a part, or with one value a fifth lower or higher.

The fields of `Parameters` are read at run time, so a new number or switch is varied without a change here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from services.clusterer.core.parameters import Parameters

STEP: Final = 0.2
BAR_OFFSETS: Final = (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Offsets of the bar's base that are tried without a part. The highest is what the bar needs without the background."""

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
"""Part -> the values that disable it. Parts whose fields `Parameters` does not have are skipped."""

UNSCORED_FIELDS: Final = frozenset(
    {"comparable_articles", "late_after", "late_second_look", "related_every", "retention"}
)
"""Fields that have no effect on the story of an article that is not late."""

Number = int | float | timedelta


def without_parts(parameters: Parameters) -> dict[str, Parameters]:
    """Return the configuration without each part of `WITHOUT`, and with each boolean field inverted, by name."""
    fields = set(Parameters.__struct_fields__)
    found = {
        f"without {part}": msgspec.structs.replace(parameters, **values)
        for part, values in WITHOUT.items()
        if fields.issuperset(values)
    }
    for name, value in field_values(parameters).items():
        if isinstance(value, bool):
            found[f"{name} {'off' if value else 'on'}"] = msgspec.structs.replace(parameters, **{name: not value})
    return found


def with_other_bars(parameters: Parameters) -> list[Parameters]:
    """Return the configuration with other bases of the bar: without a part all scores change."""
    bases = [round(parameters.bar_base + offset, 3) for offset in BAR_OFFSETS]
    return [msgspec.structs.replace(parameters, bar_base=base) for base in bases]


def with_other_numbers(parameters: Parameters) -> dict[str, Parameters]:
    """Return the configuration with each number `STEP` lower and higher, by name. Integers change by at least one; 0.0 stays."""
    found = {}
    for name, value in field_values(parameters).items():
        if isinstance(value, bool) or not isinstance(value, Number) or name in UNSCORED_FIELDS:
            continue
        for sign in (-1, 1):
            other = _scaled(value, sign)
            if other != value:
                found[f"{name} {sign * STEP:+.0%}"] = msgspec.structs.replace(parameters, **{name: other})
    return found


def field_values(parameters: Parameters) -> dict[str, object]:
    """Return the fields and their values."""
    return {name: getattr(parameters, name) for name in Parameters.__struct_fields__}


def _scaled(value: Number, sign: int) -> Number:
    if isinstance(value, int):
        return value + sign * max(1, round(abs(value) * STEP))
    return value * (1 + sign * STEP)
