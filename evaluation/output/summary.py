"""Results as tables: Markdown, padded, so that they read well on a terminal, too."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from evaluation.scores.metrics import PrecisionRecall
from evaluation.scores.stream_scores import Results, Score
from newsloom.settings import load_settings

MACRO: Final = "macro average"

WHOLE: Final = (
    "B-cubed, AMI, ARI and pairwise F1 over all labelled articles, by their stories at the end of the replay:"
)
SIDES: Final = """\
B-cubed F1 from other sides: every article alone, all in one (the floors); gold stories of two or more articles
alone; the mean over windows of seven days; the story each article was first published in:"""
STORIES: Final = """\
Published stories: the largest one (of all articles; times the largest gold story), gold stories that no story holds the
majority of, articles moved by announced changes for every 1,000, changes that were not announced, and what the core took:"""
BASELINES: Final = "B-cubed F1 of other systems on the same vectors (TextClust: the same texts):"


def report(results: Results) -> str:
    """Everything that is known of the results but the parts that only a program wants."""
    parts = [
        WHOLE,
        _agreement_table(results),
        SIDES,
        _sides_table(results),
        STORIES,
        _stories_table(results),
    ]
    if results.macro.baselines:
        parts += [BASELINES, _baselines_table(results)]
    return "\n\n".join(parts) + "\n"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join("| " + " | ".join(_aligned(row, widths)) + " |" for row in (heads, rule, *rows))


def share(value: float) -> str:
    """Such as `.912`, `1.000`."""
    return f"{value:.3f}".removeprefix("0")


def provenance() -> str:
    """Command, model, machine, versions and date, for the head of a results file."""
    command = shlex.join(["python", "-m", *_module_arguments()])
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "faiss-cpu", "scikit-learn"))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    return (
        f"Command: `{command}`  \n"
        f"Model: {load_settings(os.environ).model}  \n"
        f"Machine: {machine}; Python {platform.python_version()}, {libraries}  \n"
        f"Date: {datetime.now(UTC):%Y-%m-%d}\n"
    )


def _module_arguments() -> list[str]:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec is not None else "evaluation"
    return [name, *sys.argv[1:]]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]


def _agreement_table(results: Results) -> str:
    heads = ["stream", "precision", "recall", "F1", "AMI", "ARI", "pairs F1", "articles", "stories", "gold"]
    rows = [
        [name, *_precision_recall(one.b3), share(one.ami), share(one.ari), share(one.pairwise.f1)]
        + [f"{number:,}" for number in (one.articles, one.stories, one.gold_stories)]
        for name, one in results.sets.items()
    ]
    mean = results.macro
    last = [MACRO, *_precision_recall(mean.b3), share(mean.ami), share(mean.ari), share(mean.pairwise.f1), "", "", ""]
    return table(heads, [*rows, last])


def _precision_recall(figures: PrecisionRecall) -> list[str]:
    return [share(figures.precision), share(figures.recall), share(figures.f1)]


def _sides_table(results: Results) -> str:
    heads = ["stream", "F1", "alone", "all in one", "several", "7 days", "first published"]
    rows = [
        [name]
        + [
            share(figures.f1)
            for figures in (
                one.b3,
                one.floors.alone,
                one.floors.together,
                one.several.b3,
                one.windowed.b3,
                one.first_published.b3,
            )
        ]
        for name, one in results.sets.items()
    ]
    mean = results.macro
    sides = (mean.several.b3, mean.windowed.b3, mean.first_published.b3)
    return table(heads, [*rows, [MACRO, share(mean.b3.f1), "", "", *(share(figures.f1) for figures in sides)]])


def _stories_table(results: Results) -> str:
    heads = [
        "stream",
        "largest",
        "of gold",
        "scattered",
        "merged",
        "split",
        "moved",
        "silent",
        "rejected",
        "articles/s",
        "MB",
    ]
    return table(heads, [[name, *_story_cells(one)] for name, one in results.sets.items()])


def _story_cells(one: Score) -> list[str]:
    memory = "" if one.peak_memory_mb is None else f"{one.peak_memory_mb:.0f}"
    return [
        share(one.largest_share),
        f"{one.largest_ratio:.2f}",
        share(one.duplicate_rate),
        *(f"{number:.1f}" for number in one.moved_per_1000.values()),
        str(one.silent_changes),
        str(one.rejected),
        f"{one.articles_per_s:,.0f}",
        memory,
    ]


def _baselines_table(results: Results) -> str:
    sets = results.sets
    ours = ["newsloom", *(share(one.b3.f1) for one in sets.values()), share(results.macro.b3.f1)]
    rows = [
        [name, *(share(one.baselines[name].b3.f1) for one in sets.values()), share(mean.b3.f1)]
        for name, mean in results.macro.baselines.items()
    ]
    return table(["system", *sets, MACRO], [ours, *rows])
