"""A labelled stream in the middle of other news, as it would be in a newsroom: its articles among unlabelled ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from evaluation.streams.event_stream import Prepared
from newsloom.contracts.vector import ArticleVector

IN_BACKGROUND: Final = "+background"
"""Stands behind a stream's name where it is replayed inside a background."""


def within_background(stream: Prepared, others: Sequence[Prepared], *, share: float = 0.5, seed: int = 1) -> Prepared:
    """The stream among the articles of other streams, `share` times as many as its own, as far as there are so many.

    Whole gold stories of the others are drawn by the seed. They keep their own order and take the times of the stream, so
    that look-alikes fall on the same days; they are not scored.
    """
    random = Random(seed)  # noqa: S311 - no secret
    added = _drawn(others, round(share * len(stream.events)), random)
    times = sorted(random.choice(stream.events).published_at for _ in added)
    # The place within a moment: a stream's own articles stay in their order, the others come anywhere between them.
    own = [((event.published_at, place / len(stream.events)), event) for place, event in enumerate(stream.events)]
    mixed = [
        ((at, random.random()), msgspec.structs.replace(event, published_at=at, article_id=f"background-{number}"))
        for number, (event, at) in enumerate(zip(added, times, strict=True))
    ]
    events = tuple(event for _, event in sorted(own + mixed, key=lambda placed: placed[0]))
    return Prepared(stream.name + IN_BACKGROUND, events, stream.gold, stream.rejected)


def _drawn(others: Sequence[Prepared], wanted: int, random: Random) -> list[ArticleVector]:
    stories: dict[tuple[str, str], list[ArticleVector]] = defaultdict(list)
    for other in others:
        gold = dict(zip(other.gold.ids, other.gold.stories, strict=True))
        for event in other.events:
            stories[other.name, gold.get(event.article_id, event.article_id)].append(event)
    drawn: list[ArticleVector] = []
    for story in random.sample(sorted(stories), len(stories)):
        if len(drawn) >= wanted:
            break
        drawn += stories[story]
    return sorted(drawn, key=lambda event: (event.published_at, event.article_id))
