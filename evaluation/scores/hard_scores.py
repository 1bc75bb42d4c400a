"""Scores of the articles of a hard stream, by kind and by language."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from math import comb

import msgspec

from evaluation.hard_streams.stream import HardLabel
from evaluation.replays.replay import Replay


class GroupScores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of the hard articles of one kind, or in one language.

    `precision` is over the pairs of articles in one story of which one at least is of the group, `recall` over the pairs of
    articles of one event of the group; a share of no pairs is 1. `false_copies` is the share of articles that were called copies
    of an article of another event, `copies_found` the share of true copies that were called copies of one of their event.
    `largest_share` is the share of the group's articles in its largest story.
    """

    articles: int
    events: int
    stories: int
    precision: float
    recall: float
    false_copies: float
    copies_found: float
    largest_share: float


class HardScores(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of the hard articles of one stream: all of them, by kind and by language."""

    all: GroupScores
    kinds: dict[str, GroupScores]
    languages: dict[str, GroupScores]


def score_hard_articles(labels: Mapping[str, HardLabel], outcome: Replay) -> HardScores:
    """Score the hard articles of a replay, which may hold other articles, too."""
    kinds: defaultdict[str, dict[str, HardLabel]] = defaultdict(dict)
    languages: defaultdict[str, dict[str, HardLabel]] = defaultdict(dict)
    for article, label in labels.items():
        kinds[label.kind.value][article] = label
        languages[label.language][article] = label
    sizes = Counter(outcome.final.values())
    copied = {article: _event(labels, original) for article, original in outcome.copies.items()}
    return HardScores(
        all=_score(labels, outcome.final, sizes, copied),
        kinds={name: _score(group, outcome.final, sizes, copied) for name, group in kinds.items()},
        languages={name: _score(group, outcome.final, sizes, copied) for name, group in languages.items()},
    )


def _event(labels: Mapping[str, HardLabel], article: str) -> str | None:
    label = labels.get(article)
    return None if label is None else label.event


def _score(
    group: Mapping[str, HardLabel], found: Mapping[str, str], sizes: Mapping[str, int], copied: Mapping[str, str | None]
) -> GroupScores:
    """Score a group. `sizes` counts the articles of each story, `copied` has the event of each copy's original."""
    cells = Counter((found.get(article), label.event) for article, label in group.items() if article in found)
    stories: Counter[str | None] = Counter()
    for (story, _), count in cells.items():
        stories[story] += count
    together = sum(comb(n, 2) + n * (sizes[story] - n) for story, n in stories.items() if story is not None)
    right = sum(comb(n, 2) for n in cells.values())
    wanted = sum(comb(n, 2) for n in Counter(label.event for label in group.values()).values())
    false = sum(article in copied and copied[article] != label.event for article, label in group.items())
    true_copies = [article for article, label in group.items() if label.original is not None]
    recognized = sum(copied.get(article) == group[article].event for article in true_copies)
    return GroupScores(
        articles=len(group),
        events=len({label.event for label in group.values()}),
        stories=len(stories),
        precision=right / together if together else 1.0,
        recall=right / wanted if wanted else 1.0,
        false_copies=false / len(group),
        copies_found=recognized / len(true_copies) if true_copies else 1.0,
        largest_share=max(stories.values()) / len(group),
    )
