"""Reports of an event: one scenario and one set of facts, told in different words."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from evaluation.hard_streams.facts import Facts
from evaluation.hard_streams.language import Scenario

OTHERS_MIN: Final = 2
"""Sentences beside the first one that a report has, if its scenario has as many."""


class Report(NamedTuple):
    """A title and a text."""

    title: str
    text: str


def write_reports(scenario: Scenario, facts: Facts, random: Random, count: int, *, joint: str) -> list[Report]:
    """Return reports of an event by different outlets, `joint` between the sentences.

    Each has another title and other wordings, as long as there are some left. The first sentence tells what happened. A report
    leaves out one of the others, if `OTHERS_MIN` are left.
    """
    titles = _rotated(scenario.titles, random)
    rotations = [_rotated(wordings, random) for wordings in scenario.sentences]
    reports = []
    for number in range(count):
        first, *others = [wordings[number % len(wordings)] for wordings in rotations]
        kept = random.sample(others, max(min(len(others), OTHERS_MIN), len(others) - 1))
        reports.append(
            Report(
                titles[number % len(titles)].format_map(facts),
                joint.join(sentence.format_map(facts) for sentence in (first, *kept)),
            )
        )
    return reports


def _rotated(wordings: tuple[str, ...], random: Random) -> tuple[str, ...]:
    start = random.randrange(len(wordings))
    return wordings[start:] + wordings[:start]
