"""What is reported of a replay: agreement with the gold stories, seen from several sides, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean
from typing import Final

import msgspec

from evaluation.replays.replay import Replay
from evaluation.scores.metrics import (
    Agreement,
    Labels,
    PrecisionRecall,
    agreement,
    b_cubed,
    duplicate_rate,
    largest_ratio,
    largest_share,
)
from evaluation.streams.stream import Stream

WINDOW_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Gold:
    """The labelled articles of a stream, in the order of replay: ids, gold stories and days. Background is left out."""

    ids: tuple[str, ...]
    stories: tuple[str, ...]
    days: tuple[date, ...]


class Floors(msgspec.Struct, frozen=True, kw_only=True):
    """B-cubed of the two clusterings that need no thought."""

    alone: PrecisionRecall
    together: PrecisionRecall


class Macro(msgspec.Struct, frozen=True, kw_only=True):
    """The unweighted means over streams. The fields mean what they mean in `Score`."""

    b3: PrecisionRecall
    ami: float
    ari: float
    pairwise: PrecisionRecall
    several: Agreement
    windowed: Agreement
    first_published: Agreement
    baselines: dict[str, Agreement]


class Score(Macro, frozen=True, kw_only=True):
    """How one stream came out.

    Global figures are of all labelled articles, by the stories they are in at the end. `several` looks at the articles of gold
    stories of two or more articles alone; `windowed` is the mean over the windows of `WINDOW_DAYS` days, a day apart, that
    hold an article; `first_published` takes the story each article was first published in. `moved_per_1000` counts
    articles by the kind of update that moved them, for every 1,000 replayed.
    """

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


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """The scores by stream, and their average over the streams that count."""

    sets: dict[str, Score]
    macro: Macro


def gold_of(stream: Stream) -> Gold:
    """What is known of the stream's labelled articles and never shown to a system."""
    labelled = [
        (one.article.id, one.story, one.published_at.date()) for one in stream.articles if one.story is not None
    ]
    ids, stories, days = zip(*labelled, strict=True)
    return Gold(ids, stories, days)


def score(gold: Gold, outcome: Replay, *, replayed: int, rejected: int, baselines: dict[str, Labels]) -> Score:
    """The score of a replay of `replayed` articles, of which the embedder rejected `rejected`.

    `baselines` holds other systems' labels of the articles in `gold`. A rejected article counts as a story of its own.
    """
    final = labels_of(gold, outcome.final)
    whole = agreement(gold.stories, final)
    return Score(
        b3=whole.b3,
        ami=whole.ami,
        ari=whole.ari,
        pairwise=whole.pairwise,
        several=_of_several(gold, final),
        windowed=windowed(gold, final),
        first_published=agreement(gold.stories, labels_of(gold, outcome.first)),
        baselines={name: agreement(gold.stories, labels) for name, labels in baselines.items()},
        articles=len(gold.ids),
        stories=len(set(final)),
        gold_stories=len(set(gold.stories)),
        floors=Floors(alone=b_cubed(gold.stories, gold.ids), together=b_cubed(gold.stories, [0] * len(gold.ids))),
        largest_share=largest_share(final),
        largest_ratio=largest_ratio(gold.stories, final),
        duplicate_rate=duplicate_rate(gold.stories, final),
        moved_per_1000={kind.value: 1000 * count / replayed for kind, count in outcome.moved.items()},
        silent_changes=outcome.silent,
        rejected=rejected,
        articles_per_s=replayed / outcome.seconds,
        peak_memory_mb=outcome.peak_memory_mb,
    )


def labels_of(gold: Gold, stories: dict[str, str]) -> list[str]:
    """The story of each labelled article; a place of its own for one that no story has."""
    return [stories.get(article, f"none of {article}") for article in gold.ids]


def windowed(gold: Gold, found: Labels) -> Agreement:
    """The mean agreement over windows; only windows within the stream's days, or the one that holds a shorter stream."""
    parts = [
        agreement([gold.stories[place] for place in places], [found[place] for place in places])
        for places in windows(gold.days)
    ]
    return mean_agreement(parts)


def windows(days: Sequence[date]) -> Iterator[list[int]]:
    """The places in each window of `WINDOW_DAYS` days, a day apart, from the first day on; empty windows are left out."""
    places: dict[date, list[int]] = {}
    for place, day in enumerate(days):
        places.setdefault(day, []).append(place)
    first, last = min(days), max(days) - timedelta(days=WINDOW_DAYS - 1)
    # Streams may span decades with few days that hold anything: only windows that touch such a day are looked at.
    starts = {day - timedelta(days=back) for day in places for back in range(WINDOW_DAYS)}
    for start in sorted(day for day in starts if first <= day <= max(first, last)):
        yield [place for ahead in range(WINDOW_DAYS) for place in places.get(start + timedelta(days=ahead), ())]


def macro(scores: Sequence[Macro]) -> Macro:
    """The mean of each figure over the streams."""
    return Macro(
        b3=_mean_precision_recall([score.b3 for score in scores]),
        ami=fmean(score.ami for score in scores),
        ari=fmean(score.ari for score in scores),
        pairwise=_mean_precision_recall([score.pairwise for score in scores]),
        several=mean_agreement([score.several for score in scores]),
        windowed=mean_agreement([score.windowed for score in scores]),
        first_published=mean_agreement([score.first_published for score in scores]),
        baselines={name: mean_agreement([score.baselines[name] for score in scores]) for name in scores[0].baselines},
    )


def mean_agreement(parts: Sequence[Agreement]) -> Agreement:
    """The mean of each figure; F1 is the mean of the F1s, too."""
    return Agreement(
        b3=_mean_precision_recall([part.b3 for part in parts]),
        ami=fmean(part.ami for part in parts),
        ari=fmean(part.ari for part in parts),
        pairwise=_mean_precision_recall([part.pairwise for part in parts]),
    )


def _of_several(gold: Gold, found: Labels) -> Agreement:
    sizes = Counter(gold.stories)
    places = [place for place, story in enumerate(gold.stories) if sizes[story] > 1]
    # Where every story has one article there is nothing to hold together: the figures are those of the whole.
    places = places or list(range(len(gold.ids)))
    return agreement([gold.stories[place] for place in places], [found[place] for place in places])


def _mean_precision_recall(parts: Sequence[PrecisionRecall]) -> PrecisionRecall:
    return PrecisionRecall(
        precision=fmean(part.precision for part in parts),
        recall=fmean(part.recall for part in parts),
        f1=fmean(part.f1 for part in parts),
    )
