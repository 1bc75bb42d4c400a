"""The results of `newsloom evaluate` as text."""

from __future__ import annotations

from typing import Final

from evaluation.output.tables import MACRO, share, table
from evaluation.scores.hard_scores import GroupScores
from evaluation.scores.metrics import PrecisionRecall
from evaluation.scores.results import Results
from evaluation.scores.stream_scores import Scores, StreamScores

AGREEMENT: Final = (
    "B-cubed, AMI, ARI and pairwise F1 of all labelled articles, by their stories at the end of the replay:"
)
SUBSETS: Final = """\
B-cubed F1 of the floors (every article alone, all in one story), over gold stories of two or more articles alone, as the
mean over windows of seven days, and by the story each article was first published in:"""
STORIES: Final = """\
Published stories: the largest (as a share of all articles, and over the largest gold story), scattered gold stories, articles
moved per 1,000 by announced changes, unannounced changes, rejected articles, and the core's speed and memory:"""
HARD: Final = """\
Hard articles by kind: precision and recall over pairs, false copies (of another event) and true copies that were found, the share
of the kind's articles in its largest story:"""
BASELINES: Final = "B-cubed F1 of other systems on the same vectors (TextClust: the same texts):"


def summary(results: Results) -> str:
    """Return the tables of the results. Some figures are in the JSON only."""
    parts = [AGREEMENT, _agreement_table(results), SUBSETS, _subsets_table(results), STORIES, _stories_table(results)]
    if results.hard:
        parts += [HARD, _hard_table(results)]
    if results.macro.baselines:
        parts += [BASELINES, _baselines_table(results)]
    return "\n\n".join(parts) + "\n"


def _agreement_table(results: Results) -> str:
    heads = ["stream", "precision", "recall", "F1", "AMI", "ARI", "pairs F1", "articles", "stories", "gold"]
    rows = [
        [name, *_precision_recall(one.b3), share(one.ami), share(one.ari), share(one.pairwise.f1)]
        + [f"{number:,}" for number in (one.articles, one.stories, one.gold_stories)]
        for name, one in results.sets.items()
    ]
    mean = results.macro
    last = [MACRO, *_precision_recall(mean.b3), share(mean.ami), share(mean.ari), share(mean.pairwise.f1), "", "", ""]
    return table(heads, [*rows, last, *_mixed_macro_row(results)])


def _mixed_macro_row(results: Results) -> list[list[str]]:
    mean = results.macro_mixed
    if mean is None:
        return []
    agreement = [*_precision_recall(mean.b3), share(mean.ami), share(mean.ari), share(mean.pairwise.f1)]
    return [[f"{MACRO}, mixed", *agreement, "", "", ""]]


def _precision_recall(figures: PrecisionRecall) -> list[str]:
    return [share(figures.precision), share(figures.recall), share(figures.f1)]


def _subsets_table(results: Results) -> str:
    heads = ["stream", "F1", "alone", "all in one", "several", "7 days", "first published"]
    rows = [
        [name, *map(share, (one.b3.f1, one.floors.alone.f1, one.floors.together.f1)), *_subset_cells(one)]
        for name, one in results.sets.items()
    ]
    return table(heads, [*rows, [MACRO, share(results.macro.b3.f1), "", "", *_subset_cells(results.macro)]])


def _subset_cells(scores: Scores) -> list[str]:
    return [share(one.b3.f1) for one in (scores.several, scores.windowed, scores.first_published)]


def _stories_table(results: Results) -> str:
    heads = ["stream", "largest", "of gold", "scattered", "merged", "split", "moved", "silent", "rejected"]
    rows = [[name, *_story_cells(one)] for name, one in results.sets.items()]
    return table([*heads, "articles/s", "MB"], rows)


def _story_cells(one: StreamScores) -> list[str]:
    return [
        share(one.largest_share),
        f"{one.largest_ratio:.2f}",
        share(one.duplicate_rate),
        *(f"{number:.1f}" for number in one.moved_per_1000.values()),
        str(one.silent_changes),
        str(one.rejected),
        f"{one.articles_per_s:,.0f}",
        "" if one.peak_memory_mb is None else f"{one.peak_memory_mb:.0f}",
    ]


def _hard_table(results: Results) -> str:
    heads = ["stream", "group", "precision", "recall", "false copies", "copies found", "largest", "stories", "events"]
    rows = [
        [stream, group, *_hard_cells(one)]
        for stream, scores in results.hard.items()
        for group, one in {**scores.kinds, **scores.languages, "all": scores.all}.items()
    ]
    return table([*heads, "articles"], rows)


def _hard_cells(one: GroupScores) -> list[str]:
    return [
        share(one.precision),
        share(one.recall),
        f"{one.false_copies:.1%}",
        f"{one.copies_found:.0%}",
        f"{one.largest_share:.1%}",
        *(f"{number:,}" for number in (one.stories, one.events, one.articles)),
    ]


def _baselines_table(results: Results) -> str:
    sets = results.sets
    newsloom = ["newsloom", *(share(one.b3.f1) for one in sets.values()), share(results.macro.b3.f1)]
    rows = [
        [name, *(share(one.baselines[name].b3.f1) for one in sets.values()), share(mean.b3.f1)]
        for name, mean in results.macro.baselines.items()
    ]
    return table(["system", *sets, MACRO], [newsloom, *rows])
