"""Questions that the record of a story answers: who reported first, how it grew, which sides have not reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from newsloom.contracts.article import Leaning
from newsloom.contracts.digest import Question
from newsloom.contracts.story import HistoryEntry
from services.digest.core.story import DigestStory, Report

NAME_CHARACTERS_MAX: Final = 80
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""Not by strftime, which follows the machine's locale."""
MILESTONES: Final = (0.25, 0.5, 1.0)
"""Shares of the articles whose dates tell how a story grew."""
GROWTH_MIN: Final = 3
SIDES_MIN: Final = 3
"""Reports from which a side that is missing tells something."""


def record_questions(story: DigestStory) -> tuple[Question, ...]:
    """Return the questions with their answers."""
    articles = sorted(story.reports, key=lambda one: (one.published_at, one.article_id))
    answers = (*_first(articles), *_growth(articles), *_titles(story.history), *_missing(articles))
    return tuple(Question(text=text, answer=answer) for text, answer in answers)


def _first(articles: Sequence[Report]) -> Iterator[tuple[str, str]]:
    if articles:
        first = articles[0]
        yield "Who reported this first?", f"{_name(first)}, on {_moment(first.published_at)}."


def _growth(articles: Sequence[Report]) -> Iterator[tuple[str, str]]:
    if len(articles) < GROWTH_MIN:
        return
    steps = (max(1, round(len(articles) * share)) for share in MILESTONES)
    # Of several milestones at one moment, the last one counts.
    by_moment = {_moment(articles[step - 1].published_at): step for step in steps}
    told = "; ".join(f"{_articles(step)} by {moment}" for moment, step in by_moment.items())
    copies = sum(one.copy_of is not None for one in articles)
    rest = f" {copies} of them repeat the text of another." if copies > 1 else ""
    rest = " One of them repeats the text of another." if copies == 1 else rest
    yield "How did the story grow?", f"{told}.{rest}"


def _titles(history: Sequence[HistoryEntry]) -> Iterator[tuple[str, str]]:
    changes = [(before, entry) for before, entry in pairwise(history) if before.title != entry.title]
    if changes:
        before, last = changes[-1]
        yield (
            "What was the story called before?",
            f"\u201c{before.title[:200]}\u201d, until {_moment(last.at)} (version {last.version}).",
        )


def _missing(articles: Sequence[Report]) -> Iterator[tuple[str, str]]:
    present = {one.leaning for one in articles if one.copy_of is None} - {None}
    labelled = sum(one.leaning is not None and one.copy_of is None for one in articles)
    missing = [leaning.value for leaning in Leaning if leaning not in present]
    if labelled >= SIDES_MIN and missing:
        yield "Which sides have not reported?", f"No outlet of the {' or '.join(missing)} so far."


def _name(report: Report) -> str:
    return (report.outlet or "An article without an outlet")[:NAME_CHARACTERS_MAX]


def _articles(count: int) -> str:
    return "1 article" if count == 1 else f"{count} articles"


def _moment(at: datetime) -> str:
    # Midnight sharp is a date without a time.
    time = "" if (at.hour, at.minute, at.second) == (0, 0, 0) else f", {at:%H:%M} UTC"
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}{time}"
