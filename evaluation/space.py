"""Where the tuning looks: for each field of `Parameters` the lowest and the highest value worth a trial, as data.

Fields that are not named keep their shipped values; names that `Parameters` does not have are passed over.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

SPACE: Final[dict[str, tuple[float, float] | tuple[timedelta, timedelta]]] = {
    "lead_weight": (0.2, 0.7),
    "title_weight": (0.0, 0.4),
    "terms_weight": (0.1, 0.6),
    "idf_floor": (0.0, 2.0),
    "short_text_factor": (0.5, 1.0),
    "centroid_share": (0.0, 1.0),
    "span_share": (0.0, 1.0),
    "decay": (timedelta(days=2), timedelta(days=14)),
    "bar_base": (0.05, 0.35),
    "bar_mean": (0.0, 0.8),
    "bar_std": (0.0, 3.0),
    "bar_size": (0.0, 0.15),
    "merge_bar": (0.25, 0.95),
    "cohesion_prior": (0.3, 0.7),
    "cohesion_prior_pairs": (0.0, 8.0),
}
