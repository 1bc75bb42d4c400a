"""The articles of a story by the leaning of their outlets, copies under their original."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from newsloom.contracts.article import Leaning
from services.storypage.resources import StoryArticle

SIDES: Final = (Leaning.LEFT, Leaning.CENTER, Leaning.RIGHT, None)
NAMES: Final = {Leaning.LEFT: "Left", Leaning.CENTER: "Center", Leaning.RIGHT: "Right", None: "Unrated"}


@dataclass(slots=True)
class Report:
    """An article with the copies of it, wherever their outlets lean."""

    article: StoryArticle
    copies: list[StoryArticle] = field(default_factory=list)


@dataclass(slots=True)
class Side:
    """The reports of the outlets of one side; None: those without a rating."""

    name: str
    reports: list[Report]

    @property
    def article_count(self) -> int:
        """The number of reports and copies that are listed."""
        return sum(1 + len(report.copies) for report in self.reports)


@dataclass(slots=True)
class Coverage:
    """Listed articles by side, and the most frequent outlets among them."""

    sides: list[Side]
    outlets: list[tuple[str, int]]


def coverage(articles: Sequence[StoryArticle]) -> Coverage:
    """Group the articles. A copy whose original is not among them stands for itself."""
    originals = {article.id for article in articles if article.copy_of is None}
    copies: defaultdict[str, list[StoryArticle]] = defaultdict(list)
    reports = []
    for article in articles:
        if article.copy_of in originals:
            assert article.copy_of is not None  # noqa: S101 - for the type checker
            copies[article.copy_of].append(article)
        else:
            reports.append(Report(article))
    for report in reports:
        report.copies = copies[report.article.id]
    by_side = [Side(NAMES[leaning], [one for one in reports if one.article.leaning is leaning]) for leaning in SIDES]
    outlets = Counter(article.outlet for article in articles if article.outlet is not None)
    return Coverage([side for side in by_side if side.reports], outlets.most_common())
