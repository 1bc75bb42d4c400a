"""What was weighed in a decision, as tables: the candidates with every voice, and the bar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.console import Console

from newsloom.contracts.membership import Decision
from newsloom.contracts.story import Story, StoryState
from services.cli.views.formatting import NARROW_COLUMNS, count, cut, print_table, short_id, table
from services.cli.views.story import print_heading

ABSENT: Final = "-"


def print_weighed(screen: Console, decision: Decision, stories: Mapping[str, Story], *, when: str = "") -> None:
    """The candidates of the decision and its bar, each under a heading that says `when`; nothing where there were none."""
    _print_candidates(screen, decision, stories, when)
    _print_bar(screen, decision, when)


def _print_candidates(screen: Console, decision: Decision, stories: Mapping[str, Story], when: str) -> None:
    if not decision.candidates:
        return
    print_heading(screen, f"Candidates{when}, best first")
    figures = ["score", "centroid", "mean", "title", "lead", "terms", "time"]
    if screen.width < NARROW_COLUMNS:
        figures = ["score"]
    rows = table(*figures, "id", "story", numbers=len(figures))
    for candidate in decision.candidates:
        values = [number(getattr(candidate, figure)) for figure in figures]
        story = stories.get(candidate.story_id)
        rows.add_row(*values, short_id(candidate.story_id, screen), cut(titled(story)))
    print_table(screen, rows)
    if len(figures) > 1:
        screen.print(
            "score: from centroid (cosine with the story's centroid) and mean (similarity to its reports), times time (decay).\n"
            "mean is the sum of the voices title, lead and terms."
        )


def _print_bar(screen: Console, decision: Decision, when: str) -> None:
    if decision.background_mean is None:
        return
    print_heading(screen, f"The bar{when}")
    rows = table("", "", numbers=1)
    rows.show_header = False
    behind = count(decision.background_count, "candidate") + " behind the best one"
    rows.add_row(number(decision.bar), "the bar: a base, raised by each of the three below")
    rows.add_row(number(decision.background_mean), f"mean score of the background: {behind}")
    rows.add_row(number(decision.background_std), "its standard deviation")
    rows.add_row(ABSENT, "how many reports the best candidate had (not kept)")
    print_table(screen, rows)


def titled(story: Story | None) -> str:
    """The title, with the state if the story is not open."""
    if story is None:
        return "(forgotten)"
    return story.title if story.state is StoryState.OPEN else f"[{story.state.value}] {story.title}"


def number(value: float | None) -> str:
    """Such as `0.412`."""
    return ABSENT if value is None else f"{value:z.3f}"
