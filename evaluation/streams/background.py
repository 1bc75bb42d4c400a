"""A labelled stream among unlabelled articles of other streams, as in a newsroom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import Final

import msgspec

from evaluation.streams.event_stream import EventStream
from newsloom.contracts.vector import ArticleVector

IN_BACKGROUND: Final = "+background"
"""Suffix of a stream's name when it is replayed inside a background."""


def within_background(
    stream: EventStream, others: Sequence[EventStream], *, share: float = 0.5, seed: int = 1
) -> EventStream:
    """Add articles of other streams: `share` times the stream's own number, or all if there are fewer.

    The seed draws whole gold stories of the others. Their articles keep their own order and get publication times of the stream,
    so that look-alikes fall on the same days. They are not scored.
    """
    random = Random(seed)  # noqa: S311 - no secret
    added = _draw(others, round(share * len(stream.events)), random)
    times = sorted(random.choice(stream.events).published_at for _ in added)
    # Sort by time, then by a number from 0 to 1: it keeps the stream's own order and puts each added article anywhere in between.
    own = [((event.published_at, index / len(stream.events)), event) for index, event in enumerate(stream.events)]
    background = [
        ((at, random.random()), msgspec.structs.replace(event, published_at=at, article_id=f"background-{number}"))
        for number, (event, at) in enumerate(zip(added, times, strict=True))
    ]
    events = tuple(event for _, event in sorted(own + background, key=lambda entry: entry[0]))
    return EventStream(stream.name + IN_BACKGROUND, events, stream.gold, stream.rejected)


def _draw(others: Sequence[EventStream], wanted: int, random: Random) -> list[ArticleVector]:
    stories: dict[tuple[str, str], list[ArticleVector]] = defaultdict(list)
    for other in others:
        gold = other.gold.by_article()
        for event in other.events:
            stories[other.name, gold.get(event.article_id, event.article_id)].append(event)
    drawn: list[ArticleVector] = []
    for story in random.sample(sorted(stories), len(stories)):
        if len(drawn) >= wanted:
            break
        drawn += stories[story]
    return sorted(drawn, key=lambda event: (event.published_at, event.article_id))
