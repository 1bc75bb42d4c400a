"""A random stream of events: vectors around random story centres, with copies and boilerplate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from evaluation.streams.event_stream import EventStream
from evaluation.streams.stream import Gold
from newsloom.contracts.vector import ArticleVector

DIMENSION = 24
START = datetime(2025, 4, 14, tzinfo=UTC)


def random_stream(seed: int, *, articles: int = 240, stories: int = 45, moments: int | None = None) -> EventStream:
    """Build articles of many stories over six days, at so many moments; without `moments` each has one of its own.

    Some articles have the text of one of their story, some that of any other article.
    """
    random = np.random.default_rng(seed)
    centres = random.normal(size=(stories, DIMENSION))
    events: list[ArticleVector] = []
    moments = moments or articles
    for number in range(articles):
        story = int(random.integers(stories))
        at = START + (number * moments // articles) * timedelta(days=6) / moments
        same_story = [event for event in events if event.outlet == f"{story}"]
        shingles = same_story[-1].shingles if same_story and random.random() < 0.1 else _hashes(random, 60)
        if events and random.random() < 0.05:
            shingles = events[int(random.integers(len(events)))].shingles
        events.append(
            ArticleVector(
                article_id=f"a{number}",
                edition="main",
                title=f"Title {number}",
                published_at=at,
                digest=str(number),
                words=int(random.integers(5, 400)),
                shingles=shingles,
                title_vector=_unit_vector(centres[story] + 1.0 * random.normal(size=DIMENSION)),
                lead_vector=_unit_vector(centres[story] + 0.7 * random.normal(size=DIMENSION)),
                terms=_terms(random, story),
                term_counts=bytes([1, 2] * 20),
                model="random",
                preparation="1",
                outlet=f"{story}",
            )
        )
    ids = tuple(event.article_id for event in events)
    days = tuple(event.published_at.date() for event in events)
    return EventStream("invented", tuple(events), Gold(ids, tuple(str(event.outlet) for event in events), days), 0)


def _unit_vector(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    return (vector / np.linalg.norm(vector)).astype("<f2").tobytes()


def _hashes(random: np.random.Generator, count: int) -> bytes:
    return np.sort(random.choice(2**31, count, replace=False)).astype("<u4").tobytes()


def _terms(random: np.random.Generator, story: int) -> bytes:
    own = 1_000 * (story + 1) + random.choice(40, 10, replace=False)
    return np.sort(np.concatenate((own, random.choice(900, 30, replace=False)))).astype("<u4").tobytes()
