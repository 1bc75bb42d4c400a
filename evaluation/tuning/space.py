"""The bounds of the search for each field of `Parameters`. Fields without bounds keep their shipped values.

They lie about a third to either side of the engine's first values, or of the first values of a later rule. Wider ones fail when a
stream of large stories is held out: the other streams do not show what large stories need.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

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
    "cover_min": (0.2, 0.4),
    "cover_template_min": (0.55, 0.85),
    "cover_text_min": (0.35, 0.65),
    "missing_min": (0.4, 0.8),
    "rare_cover_min": (0.2, 0.4),
    "rare_text_min": (0.27, 0.53),
    "apart_pairs_min": (0.35, 0.65),
}
