"""The articles of a story by the leaning of their outlets, copies under their original."""

from __future__ import annotations

from collections import defaultdict
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
    repeats: list[StoryArticle]
    """Its copies of reports of other sides, which are listed with these, too."""

    @property
    def article_count(self) -> int:
        """The number of articles of the side that are listed."""
        own = sum(copy.leaning is report.article.leaning for report in self.reports for copy in report.copies)
        return len(self.reports) + own + len(self.repeats)


@dataclass(slots=True)
class Coverage:
    """Listed articles by side. `outlets` has the outlet of each article by its id."""

    sides: list[Side]
    outlets: dict[str, str]


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
    sides = [_side(leaning, reports) for leaning in SIDES]
    outlets = {article.id: article.outlet or "an outlet" for article in articles}
    return Coverage([side for side in sides if side.article_count], outlets)


def _side(leaning: Leaning | None, reports: Sequence[Report]) -> Side:
    own = [report for report in reports if report.article.leaning is leaning]
    others = [report for report in reports if report.article.leaning is not leaning]
    return Side(NAMES[leaning], own, [copy for report in others for copy in report.copies if copy.leaning is leaning])
