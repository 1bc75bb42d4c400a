"""Scores of one replay: agreement with the gold stories, measured in several ways, and the cost of the replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from evaluation.replays.replay import Replay
from evaluation.scores import metrics
from evaluation.scores.metrics import Agreement, Labels, PrecisionRecall, agreement, b_cubed
from evaluation.scores.windows import agreement_at, mean_agreement, windowed_agreement
from evaluation.streams.stream import Gold


class Floors(msgspec.Struct, frozen=True, kw_only=True):
    """B-cubed of the two trivial clusterings: every article alone, and all articles in one story."""

    alone: PrecisionRecall
    together: PrecisionRecall


class Scores(Agreement, frozen=True, kw_only=True):
    """The scores that can be averaged over streams: the agreement of all labelled articles at the end of the replay, and others.

    `several` is the agreement of the articles of gold stories of two or more; `windowed` the mean over windows of seven days, a
    day apart, that hold an article. `first_published` takes the story each article was first published in. `baselines` are
    other systems by name.
    """

    several: Agreement
    windowed: Agreement
    first_published: Agreement
    baselines: dict[str, Agreement]


class StreamScores(Scores, frozen=True, kw_only=True):
    """The scores of one stream. `moved_per_1000` counts moved articles by the kind of update, for every 1,000 replayed."""

    articles: int
    stories: int
    gold_stories: int
    floors: Floors
    largest_share: float
    largest_ratio: float
    duplicate_rate: float
    moved_per_1000: dict[str, float]
    silent_changes: int
    rejected: int
    articles_per_s: float
    peak_memory_mb: float | None


def score_replay(
    gold: Gold, outcome: Replay, *, replayed: int, rejected: int, baselines: Mapping[str, Labels]
) -> StreamScores:
    """Score a replay of `replayed` articles, and baselines by their labels. Rejected articles count as stories of their own."""
    final = found_labels(gold, outcome.final)
    return StreamScores(
        **msgspec.structs.asdict(agreement(gold.stories, final)),
        several=_agreement_without_singles(gold, final),
        windowed=windowed_agreement(gold, final),
        first_published=agreement(gold.stories, found_labels(gold, outcome.first)),
        baselines={name: agreement(gold.stories, labels) for name, labels in baselines.items()},
        articles=len(gold.ids),
        stories=len(set(final)),
        gold_stories=len(set(gold.stories)),
        floors=Floors(alone=b_cubed(gold.stories, gold.ids), together=b_cubed(gold.stories, [0] * len(gold.ids))),
        largest_share=metrics.largest_share(final),
        largest_ratio=metrics.largest_ratio(gold.stories, final),
        duplicate_rate=metrics.duplicate_rate(gold.stories, final),
        moved_per_1000={kind.value: 1000 * count / replayed for kind, count in outcome.moved.items()},
        silent_changes=outcome.silent,
        rejected=rejected,
        articles_per_s=replayed / outcome.seconds,
        peak_memory_mb=outcome.peak_memory_mb,
    )


def found_labels(gold: Gold, stories: Mapping[str, str]) -> list[str]:
    """Return the found story of each labelled article; an article without one gets a label of its own."""
    return [stories.get(article, f"none of {article}") for article in gold.ids]


def macro_average(scores: Sequence[Scores]) -> Scores:
    """Return the unweighted mean of each score over the streams."""
    return Scores(
        **msgspec.structs.asdict(mean_agreement(scores)),
        several=mean_agreement([one.several for one in scores]),
        windowed=mean_agreement([one.windowed for one in scores]),
        first_published=mean_agreement([one.first_published for one in scores]),
        baselines={name: mean_agreement([one.baselines[name] for one in scores]) for name in scores[0].baselines},
    )


def _agreement_without_singles(gold: Gold, found: Labels) -> Agreement:
    sizes = Counter(gold.stories)
    indexes = [index for index, story in enumerate(gold.stories) if sizes[story] > 1]
    # If every gold story has one article, score all articles.
    return agreement_at(gold, found, indexes or range(len(gold.ids)))
