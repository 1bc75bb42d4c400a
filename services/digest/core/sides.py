"""What the reports of each political leaning say, with counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import msgspec

from newsloom.contracts.article import Leaning
from newsloom.contracts.digest import Side, SideStatement
from services.digest.core.significance import bar, tail
from services.digest.core.statements import statement
from services.digest.core.story_text import UNIT, StoryText
from services.digest.core.voices import saying_reports

FREQUENT_MAX: Final = 3
"""Statements that a side makes most often."""
LOPSIDED_MAX: Final = 2
"""Statements that it makes more often than the others do."""
SINGLE_MAX: Final = 2
"""Statements of a side of which none is made by two reports."""
REPETITION: Final = 0.4
"""The cosine from which a statement says the same again."""


@dataclass(frozen=True, slots=True)
class _Count:
    """A sentence of a side and how many reports of this and of the other sides say so; `tail` is the chance of that."""

    line: int
    here: int
    others: int
    tail: Fraction


@dataclass(frozen=True, slots=True)
class _Leanings:
    """The reports of each leaning, and those of any."""

    members: Mapping[Leaning, frozenset[int]]

    @property
    def labelled(self) -> frozenset[int]:
        return frozenset().union(*self.members.values())

    def sizes(self, leaning: Leaning) -> tuple[int, int]:
        """Return the numbers of reports of this leaning and of the others."""
        own = len(self.members[leaning])
        return own, len(self.labelled) - own


def compose_sides(text: StoryText, scores: Mapping[int, float]) -> tuple[Side, ...]:
    """Return a side for each leaning that reports have. `scores` ranks the candidate lines where counts are equal."""
    leanings = _leanings(text)
    labelled = leanings.labelled
    saying = {line: saying_reports(text, line) & labelled for line in scores if text.lines[line].report in labelled}
    level = _level(leanings, saying.values())
    return tuple(
        _side(text, leanings.sizes(leaning), leaning, _chosen(text, leanings, leaning, saying, scores), level)
        for leaning in leanings.members
    )


def _leanings(text: StoryText) -> _Leanings:
    members = {
        leaning: frozenset(index for index, one in enumerate(text.reports) if one.leaning is leaning)
        for leaning in Leaning
    }
    return _Leanings({leaning: reports for leaning, reports in members.items() if reports})


def _level(leanings: _Leanings, saying: Iterable[frozenset[int]]) -> Fraction:
    """Return the bar for `particular`. Sentences that the same reports say are one test, whatever their leanings are."""
    groups = [len(group) for group in {*saying}]
    labelled = len(leanings.labelled)
    return bar((len(reports), size, labelled) for reports in leanings.members.values() for size in groups)


def _chosen(
    text: StoryText,
    leanings: _Leanings,
    leaning: Leaning,
    saying: Mapping[int, frozenset[int]],
    scores: Mapping[int, float],
) -> list[_Count]:
    """Return what the side says most often, then what it says more often than the others."""
    side = leanings.members[leaning]
    own, others = leanings.sizes(leaning)
    counts = [
        _Count(line, len(group & side), len(group - side), tail(len(group & side), own, len(group), own + others))
        for line, group in saying.items()
        if text.lines[line].report in side
    ]
    several = [count for count in counts if count.here > 1]
    if not several:
        return _distinct(text, counts, lambda one: (-scores[one.line], one.line), [], SINGLE_MAX)
    frequent = _distinct(text, several, lambda one: (-one.here, -scores[one.line], one.line), [], FREQUENT_MAX)
    lopsided = [count for count in several if count.here * others > count.others * own]
    return _distinct(text, lopsided, lambda one: (one.tail, -scores[one.line], one.line), frequent, LOPSIDED_MAX)


def _side(text: StoryText, sizes: tuple[int, int], leaning: Leaning, chosen: Sequence[_Count], level: Fraction) -> Side:
    statements = tuple(_statement(text, one, one.tail <= level) for one in chosen)
    return Side(leaning=leaning, reports=sizes[0], other_reports=sizes[1], statements=statements)


def _distinct(
    text: StoryText,
    counts: Sequence[_Count],
    order: Callable[[_Count], tuple[Fraction | float, ...]],
    chosen: Sequence[_Count],
    most: int,
) -> list[_Count]:
    """Return the chosen ones and up to `most` more, in this order, leaving out what says the same as one before."""
    result = list(chosen)
    repeated = [text.cosines(one.line) for one in result]
    for count in sorted(counts, key=order):
        if len(result) == len(chosen) + most:
            break
        if all(cosines[count.line] <= REPETITION * UNIT**2 for cosines in repeated):
            result.append(count)
            repeated.append(text.cosines(count.line))
    return result


def _statement(text: StoryText, count: _Count, is_particular: bool) -> SideStatement:
    fields = msgspec.structs.asdict(statement(text, count.line))
    return SideStatement(**fields, here=count.here, others=count.others, particular=is_particular)
