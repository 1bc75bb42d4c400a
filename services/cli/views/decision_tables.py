"""Print a decision as tables: the candidates with their scores, and how the bar was computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.console import Console

from newsloom.contracts.membership import Decision
from newsloom.contracts.story import Story
from services.cli.views.formatting import NARROW_COLUMNS, count, one_line, print_table, short_id, table, title_and_state
from services.cli.views.story import print_heading

ABSENT: Final = "-"


def print_decision(screen: Console, decision: Decision, stories: Mapping[str, Story], *, suffix: str = "") -> None:
    """Print the candidates and the bar, as far as they were recorded, under headings that end in `suffix`."""
    _print_candidates(screen, decision, stories, suffix)
    _print_bar(screen, decision, suffix)


def _print_candidates(screen: Console, decision: Decision, stories: Mapping[str, Story], suffix: str) -> None:
    if not decision.candidates:
        return
    print_heading(screen, f"Candidates{suffix}, best first")
    figures = ["score", "centroid", "mean", "title", "lead", "terms", "time"]
    if screen.width < NARROW_COLUMNS:
        figures = ["score"]
    rows = table(*figures, "id", "story", numbers=len(figures))
    for candidate in decision.candidates:
        values = [decimal(getattr(candidate, figure)) for figure in figures]
        story = stories.get(candidate.story_id)
        title = "(forgotten)" if story is None else title_and_state(story)
        rows.add_row(*values, short_id(candidate.story_id, screen), one_line(title))
    print_table(screen, rows)
    if len(figures) > 1:
        if decision.kept_out:
            kept_out = count(decision.kept_out, "candidate")
            screen.print(f"Names, numbers or a period spoke against the first {kept_out}.")
        screen.print(
            "score: computed from centroid (cosine with the story's centroid) and mean (mean similarity to its reports),\n"
            "times time (decay). mean is the sum of title, lead and terms."
        )


def _print_bar(screen: Console, decision: Decision, suffix: str) -> None:
    if decision.background_mean is None:
        return
    print_heading(screen, f"The bar{suffix}")
    rows = table("", "", numbers=1)
    rows.show_header = False
    others = count(decision.background_count, "candidate")
    rows.add_row(decimal(decision.bar), "the bar: the lowest score to join, a base raised by the three values below")
    rows.add_row(decimal(decision.background_mean), f"mean score of the background: {others} behind the best one")
    rows.add_row(decimal(decision.background_std), "standard deviation of the background's scores")
    rows.add_row(ABSENT, "number of reports in the best candidate (not recorded)")
    print_table(screen, rows)


def decimal(value: float | None) -> str:
    """Return the value with three decimals, such as `0.412`."""
    return ABSENT if value is None else f"{value:z.3f}"
