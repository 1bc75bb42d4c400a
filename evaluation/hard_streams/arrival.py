"""How articles arrive: in pages of a feed, some of them out of order, some articles without a date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Final

import msgspec

from evaluation.streams.stream import LabelledArticle

PAGE: Final = 40
"""Articles that a feed lists at once."""
UNDATED_DELAY: Final = timedelta(days=2)
"""How long after its publication an undated article is ingested, at most."""


class ArrivalRates(msgspec.Struct, frozen=True, kw_only=True):
    """The share of pages that come newest first or shuffled, and the share of articles that come without their dates."""

    disordered: float
    undated: float


DEFAULT_RATES: Final = ArrivalRates(disordered=0.1, undated=0.01)


def arrive(articles: Sequence[LabelledArticle], rates: ArrivalRates, random: Random) -> Iterator[LabelledArticle]:
    """Yield articles that are ordered by publication in order of arrival.

    An undated article comes up to `UNDATED_DELAY` after its publication: `published_at` is then the time of the record.
    """
    for start in range(0, len(articles), PAGE):
        page = list(articles[start : start + PAGE])
        if random.random() < rates.disordered:
            page = page[::-1] if random.random() < 0.5 else random.sample(page, len(page))  # noqa: PLR2004 - even chances
        for one in page:
            yield _without_date(one, random) if random.random() < rates.undated else one


def _without_date(one: LabelledArticle, random: Random) -> LabelledArticle:
    article = msgspec.structs.replace(one.article, published_at=None)
    return replace(one, article=article, published_at=one.published_at + random.random() * UNDATED_DELAY)
