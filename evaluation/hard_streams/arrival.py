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
"""The longest time from the publication of an undated article to its record."""


def arrive(
    articles: Sequence[LabelledArticle], *, disordered: float, undated: float, random: Random
) -> Iterator[LabelledArticle]:
    """Yield articles that are ordered by publication in order of arrival.

    A share `disordered` of the pages comes newest first or shuffled. A share `undated` of the articles comes without its date,
    up to `UNDATED_DELAY` after its publication: `published_at` is then the time of the record.
    """
    for start in range(0, len(articles), PAGE):
        page = list(articles[start : start + PAGE])
        if random.random() < disordered:
            page = page[::-1] if random.random() < 0.5 else random.sample(page, len(page))  # noqa: PLR2004 - even chances
        for one in page:
            yield _without_date(one, random) if random.random() < undated else one


def _without_date(one: LabelledArticle, random: Random) -> LabelledArticle:
    article = msgspec.structs.replace(one.article, published_at=None)
    return replace(one, article=article, published_at=one.published_at + random.random() * UNDATED_DELAY)
