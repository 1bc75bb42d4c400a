"""The bounds of the search for each field of `Parameters`. Fields without bounds keep their shipped values.

They lie about a third to either side of `ORIGIN`. Wider ones fail when a stream of large stories is held out: the other streams
do not show what large stories need.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from services.clusterer.core.parameters import Parameters

ORIGIN: Final = Parameters(
    lead_weight=0.4,
    title_weight=0.2,
    terms_weight=0.4,
    short_text_factor=0.7,
    centroid_share=0.333,
    span_share=0.5,
    decay=timedelta(days=6),
    bar_base=0.225,
    bar_mean=0.3,
    bar_std=1.8,
    bar_size=0.07,
    second_look_discount=0.06,
    merge_bar=0.38,
    cohesion_prior=0.5,
    cohesion_prior_pairs=3.0,
)
"""Start of the search: the engine's first values, found on these and other streams, each scored on a stream held out."""

SPACE: Final[dict[str, tuple[float, float] | tuple[timedelta, timedelta]]] = {
    "lead_weight": (0.3, 0.55),
    "title_weight": (0.1, 0.26),
    "terms_weight": (0.28, 0.52),
    "short_text_factor": (0.55, 0.85),
    "centroid_share": (0.25, 0.8),
    "span_share": (0.3, 0.65),
    "decay": (timedelta(days=4), timedelta(days=8)),
    "bar_base": (0.15, 0.28),
    "bar_mean": (0.2, 0.5),
    "bar_std": (1.0, 2.3),
    "bar_size": (0.05, 0.1),
    "second_look_discount": (0.02, 0.1),
    "merge_bar": (0.35, 0.43),
    "cohesion_prior": (0.4, 0.6),
    "cohesion_prior_pairs": (1.0, 4.0),
}
