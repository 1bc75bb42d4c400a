"""Choose the sentences that tell a story: those that the other reports support most.

Maximal marginal relevance (Carbonell and Goldstein 1998) over a score of cross-source support.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.digest.core.story_text import UNIT, StoryText, Whole

WORDS: Final = 90
"""Length of a published Overview: three or four sentences."""


@dataclass(frozen=True, slots=True)
class OverviewParameters:
    """The weights of a sentence's score, and what keeps a sentence out.

    The score is the mean over the other reports of the best cosine, plus `title` times the cosine to the mean title, `position` /
    (1 + `position_step` x its position), and `containment` times the mean share of its words that the other reports have.
    """

    title: float = 0.5
    position: float = 0.8
    position_step: float = 2.0
    containment: float = 0.25
    relevance: float = 0.6
    """Share of the score in the choice; the rest is the distance from what has been chosen."""
    repetition: float = 0.4
    """A sentence whose cosine with a chosen one is larger says the same again."""
    per_article: int = 2
    voices: int = 1
    """Other reports that have to tell a sentence's subject, if any sentence has as many."""
    told: float = 0.15
    """The cosine from which a report tells the subject of a sentence."""
    overflow: int = 20
    """Words by which the last sentence may exceed the length."""


SHIPPED: Final = OverviewParameters()


@dataclass(frozen=True, slots=True)
class ScoredLines:
    """The lines that may be chosen, each with its score and its cosines with all lines."""

    scores: dict[int, float]
    cosines: dict[int, Whole]


def score_candidates(text: StoryText, parameters: OverviewParameters = SHIPPED) -> ScoredLines:
    """Score all sentences that may be chosen."""
    cosines = {index: text.cosines(index) for index in text.candidates()}
    return ScoredLines(_scores(text, cosines, parameters), cosines)


def choose_overview(
    text: StoryText, scored: ScoredLines, words: int = WORDS, parameters: OverviewParameters = SHIPPED
) -> tuple[int, ...]:
    """Return the lines of the Overview, about `words` words, best first."""
    told = {index: _reports_that_tell(text, index, by_line, parameters) for index, by_line in scored.cosines.items()}
    enough = min(parameters.voices, max(told.values(), default=0))
    eligible = [index for index, reports in told.items() if reports >= enough]
    return _choose(text, eligible, scored, words, parameters)


def _scores(text: StoryText, cosines: Mapping[int, Whole], parameters: OverviewParameters) -> dict[int, float]:
    others = max(1, len(text.reports) - 1)
    titles = text.title_cosines()
    scores = {}
    for index, by_line in cosines.items():
        line = text.lines[index]
        best, contained = text.best_by_report(by_line), text.containment(index)
        support = (int(best.sum()) - int(best[line.report])) / others / UNIT**2
        containment = (int(contained.sum()) - int(contained[line.report])) / others / UNIT
        position = parameters.position / (1 + parameters.position_step * line.position)
        scores[index] = (
            support + parameters.title * float(titles[index]) + position + parameters.containment * containment
        )
    return scores


def _reports_that_tell(text: StoryText, index: int, cosines: Whole, parameters: OverviewParameters) -> int:
    telling = text.best_by_report(cosines) >= parameters.told * UNIT**2
    own = text.lines[index].report
    return int(telling.sum()) - int(telling[own])


def _choose(
    text: StoryText,
    eligible: Sequence[int],
    scored: ScoredLines,
    words: int,
    parameters: OverviewParameters,
) -> tuple[int, ...]:
    chosen: list[int] = []
    left = list(eligible)
    length = 0
    used: Counter[int] = Counter()
    while left and length < words:
        ranked = [(_relevance(index, chosen, scored, parameters), -index) for index in left]
        best = -max(ranked)[1]
        size = len(text.lines[best].sentence.text.split())
        left.remove(best)
        if chosen and length + size > words + parameters.overflow:
            continue
        chosen.append(best)
        length += size
        used[text.lines[best].report] += 1
        bar = parameters.repetition * UNIT**2
        left = [
            index
            for index in left
            if scored.cosines[best][index] <= bar and used[text.lines[index].report] < parameters.per_article
        ]
    return tuple(chosen)


def _relevance(
    index: int,
    chosen: Sequence[int],
    scored: ScoredLines,
    parameters: OverviewParameters,
) -> float:
    nearest = max((int(scored.cosines[other][index]) for other in chosen), default=0) / UNIT**2
    return parameters.relevance * scored.scores[index] - (1 - parameters.relevance) * nearest
