"""Agreement over windows of seven days, for streams that are longer than a story."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Final

from evaluation.scores.metrics import Agreement, Labels, PrecisionRecall, agreement
from evaluation.streams.stream import Gold

WINDOW_DAYS: Final = 7


def windowed_agreement(gold: Gold, found: Labels) -> Agreement:
    """Return the mean agreement over windows."""
    return mean_agreement([agreement_at(gold, found, indexes) for indexes in windows(gold.days)])


def windows(days: Sequence[date]) -> Iterator[list[int]]:
    """Yield the article indexes of each window with articles, a day apart. A stream shorter than a window is one window."""
    indexes: dict[date, list[int]] = {}
    for index, day in enumerate(days):
        indexes.setdefault(day, []).append(index)
    first, last = min(days), max(days) - timedelta(days=WINDOW_DAYS - 1)
    # A stream may span decades and have articles on few days: try only windows that contain such a day.
    starts = {day - timedelta(days=back) for day in indexes for back in range(WINDOW_DAYS)}
    for start in sorted(day for day in starts if first <= day <= max(first, last)):
        yield [index for ahead in range(WINDOW_DAYS) for index in indexes.get(start + timedelta(days=ahead), ())]


def agreement_at(gold: Gold, found: Labels, indexes: Sequence[int]) -> Agreement:
    """Return the agreement over the articles at these indexes."""
    return agreement([gold.stories[index] for index in indexes], [found[index] for index in indexes])


def mean_agreement(parts: Sequence[Agreement]) -> Agreement:
    """Return the mean of each measure; F1 is the mean of the F1s as well."""
    return Agreement(
        b3=_mean_precision_recall([part.b3 for part in parts]),
        ami=fmean(part.ami for part in parts),
        ari=fmean(part.ari for part in parts),
        pairwise=_mean_precision_recall([part.pairwise for part in parts]),
    )


def _mean_precision_recall(parts: Sequence[PrecisionRecall]) -> PrecisionRecall:
    return PrecisionRecall(
        precision=fmean(part.precision for part in parts),
        recall=fmean(part.recall for part in parts),
        f1=fmean(part.f1 for part in parts),
    )
