"""Questions that articles of the story ask themselves, and answer in their next sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from newsloom.contracts.digest import Question
from services.digest.core.statements import statement
from services.digest.core.story_text import UNIT, StoryText

ASKED_MAX: Final = 3
GAP_MAX: Final = 12
"""Characters between question and answer: white space or a tag. With more, a sentence that cannot stand alone is between them."""
SUPPORT_MIN: Final = 0.5
"""Mean share of the words, by weight, that the other reports have: question and answer are about the story."""
ANSWER_WORDS_MIN: Final = 8
REPETITION: Final = 0.4


def asked_questions(text: StoryText) -> tuple[Question, ...]:
    """Return the questions about what the other reports tell as well, best first."""
    ranked = sorted(_supported(text), key=lambda found: (-found[0], found[1]))
    chosen: list[int] = []
    for _, line in ranked:
        cosines = text.cosines(line)
        if len(chosen) < ASKED_MAX and all(cosines[other] <= REPETITION * UNIT**2 for other in chosen):
            chosen.append(line)
    return tuple(_question(text, line) for line in chosen)


def _supported(text: StoryText) -> Iterator[tuple[float, int]]:
    has_others = len(text.reports) > 1
    for index, line in enumerate(text.lines):
        if line.position >= 0 and line.sentence.text.endswith("?") and has_others and _is_answered(text, index):
            support = min(_support(text, index), _support(text, index + 1))
            if support >= SUPPORT_MIN:
                yield support, index


def _support(text: StoryText, index: int) -> float:
    shares = text.containment(index)
    return (int(shares.sum()) - int(shares[text.lines[index].report])) / (len(text.reports) - 1) / UNIT


def _is_answered(text: StoryText, index: int) -> bool:
    if index + 1 == len(text.lines):
        return False
    asked, answer = text.lines[index], text.lines[index + 1]
    end = asked.sentence.offset + len(asked.sentence.text)
    return (
        answer.report == asked.report
        and answer.sentence.offset - end <= GAP_MAX
        and not answer.sentence.text.endswith("?")
        and len(answer.sentence.text.split()) >= ANSWER_WORDS_MIN
    )


def _question(text: StoryText, line: int) -> Question:
    asked = statement(text, line)
    return Question(text=asked.text, asked=asked, statements=(statement(text, line + 1),))
