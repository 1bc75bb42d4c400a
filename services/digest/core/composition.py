"""The content of a digest."""

from __future__ import annotations

from dataclasses import dataclass

from newsloom.contracts.digest import Question, Side, Statement
from services.digest.core.frequencies import DocumentFrequencies
from services.digest.core.overview import choose_overview, score_candidates
from services.digest.core.questions import asked_questions
from services.digest.core.record import record_questions
from services.digest.core.sides import compose_sides
from services.digest.core.statements import statement
from services.digest.core.story import DigestStory
from services.digest.core.story_text import StoryText


@dataclass(frozen=True, slots=True)
class DigestContent:
    """What a digest says. Without sentences (a language without rules, headlines alone) it has counts and the record."""

    overview: tuple[Statement, ...]
    sides: tuple[Side, ...]
    questions: tuple[Question, ...]


def compose(story: DigestStory, frequencies: DocumentFrequencies) -> DigestContent:
    """Return the content of a story's digest: the same for the same articles in any order."""
    text = StoryText(story, frequencies)
    scored = score_candidates(text)
    return DigestContent(
        overview=tuple(statement(text, line) for line in choose_overview(text, scored)),
        sides=compose_sides(text, scored.scores),
        questions=(*asked_questions(text), *record_questions(story)),
    )
