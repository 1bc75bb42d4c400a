"""Random streams of vectors: a few subjects and days, with duplicates, corrections, retractions, copies and late articles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np
from hypothesis import strategies as st

from newsloom.contracts.article import Leaning
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from services.clusterer.core.parameters import Parameters
from services.embedder.preparation import PreparedText
from services.embedder.stems import stem_hashes

DIMENSION = 8
START = datetime(2025, 4, 16, tzinfo=UTC)
EDITION = "main"

FIXED_PARAMETERS = Parameters(
    lead_weight=0.413,
    title_weight=0.149,
    terms_weight=0.437,
    short_text_factor=0.61,
    centroid_share=0.582,
    span_share=0.364,
    decay=timedelta(hours=104),
    bar_base=0.8,
    bar_mean=0.0,
    bar_std=0.0,
    bar_size=0.053,
    second_look_discount=0.06,
    merge_bar=0.361,
)
"""A high bar keeps subjects apart, because vectors of eight dimensions are all similar.

Every parameter that matters is set here, so that tuning the defaults does not change the tests.
"""

Event = ArticleVector | ArticleRetraction
T = TypeVar("T")


def vector(subject: int, wobble: int) -> bytes:
    """Return a unit vector near the direction of a subject; a larger `wobble` moves it further away."""
    generator = np.random.default_rng([subject, wobble])
    direction = np.eye(DIMENSION)[subject % DIMENSION] + 0.08 * wobble * generator.normal(size=DIMENSION)
    encoded: bytes = (direction / np.linalg.norm(direction)).astype("<f2").tobytes()
    return encoded


def shingles(text: int) -> bytes:
    """Return the shingles of a text; neighbouring numbers share most of them."""
    return np.arange(text * 4, text * 4 + 16, dtype="<u4").tobytes()


def article(
    number: int, *, subject: int = 0, wobble: int = 0, hour: float = 0, text: int | None = None, revision: int = 0
) -> ArticleVector:
    """Build an article with a text of its own, or with the text of this number."""
    return ArticleVector(
        article_id=f"a{number}",
        edition=EDITION,
        title=f"Title {number}.{revision}",
        published_at=START + timedelta(hours=hour),
        digest=f"{number}.{revision}.{subject}.{wobble}.{hour}.{text}",
        words=100,
        shingles=shingles(1_000 + 100 * number + revision if text is None else text),
        title_vector=vector(subject, wobble + 1),
        lead_vector=vector(subject, wobble),
        terms=np.arange(subject * 10, subject * 10 + 12, dtype="<u4").tobytes(),
        term_counts=bytes([1 + wobble] * 12),
        model="test",
        preparation="1",
        outlet=f"Outlet {number % 3}",
        leaning=[Leaning.LEFT, Leaning.CENTER, Leaning.RIGHT, None][number % 4],
    )


TITLES = (
    "",
    "Ticker",
    "Ticker: Ferry runs aground off Arnmouth",
    "Ticker: Bridge in Castel closed for a year",
    "Mayor of Dunhaven resigns | Gull Radio",
    "Ticker: Harbour of Arnmouth reopens | Gull Radio",
    "Harbour of Arnmouth reopens after the ferry is towed away",
)
"""Titles with parts that recur over stories, that recur whole, and none."""


def with_title(event: ArticleVector, title: str, has_text: bool, language: str | None) -> ArticleVector:
    """Return the article in this language under this title, as a flash if it has no text; its digest and stems depend on both."""
    words = 100 if has_text or not title else 0
    text = "Ferries to Arnmouth, Castel and Dunhaven were late on Monday." if words else ""
    stems, marks = stem_hashes(PreparedText(title, text, text, words))
    return msgspec.structs.replace(
        event,
        title=title,
        language=language,
        words=words,
        digest=f"{event.digest}.{len(title)}.{words}",
        stems=stems,
        stem_marks=marks,
    )


articles = st.builds(
    with_title,
    st.builds(
        article,
        st.integers(0, 25),
        subject=st.integers(0, 3),
        wobble=st.integers(0, 6),
        hour=st.integers(0, 24 * 30).map(float),
        text=st.none() | st.integers(0, 6),
        revision=st.integers(0, 2),
    ),
    st.sampled_from(TITLES),
    st.booleans(),
    st.sampled_from(["en", "de", None]),
)
retractions = st.builds(lambda number: ArticleRetraction(article_id=f"a{number}", edition=EDITION), st.integers(0, 25))


class DelayedArticle(NamedTuple):
    """An article that arrives `after_h` hours after the previous one and is dated `late_h` hours before its arrival."""

    article: ArticleVector
    after_h: int
    late_h: int


def resolve_delays(events: Iterable[T | DelayedArticle]) -> list[T | ArticleVector]:
    """Return the events with delayed articles dated by the hours that have passed."""
    resolved: list[T | ArticleVector] = []
    hour = 0
    for event in events:
        if isinstance(event, DelayedArticle):
            hour += event.after_h
            resolved.append(with_hour(event.article, hour - event.late_h))
        else:
            resolved.append(event)
    return resolved


def with_hour(event: ArticleVector, hour: int) -> ArticleVector:
    """Return the article dated this hour; its digest depends on the hour."""
    moment = START + timedelta(hours=hour)
    return msgspec.structs.replace(event, published_at=moment, digest=f"{event.digest}.{hour}")


delayed_articles = st.builds(
    DelayedArticle,
    st.builds(
        article,
        st.integers(0, 12),
        subject=st.integers(0, 1),
        wobble=st.integers(0, 6),
        text=st.none() | st.none() | st.integers(0, 2),
        revision=st.integers(0, 2),
    ),
    after_h=st.sampled_from([0, 1, 6, 12, 24, 36, 60]),
    late_h=st.sampled_from([0, 0, 0, 0, 5, 30, 100, 200]),
)
"""Articles of two subjects, hours and days apart, few of them late: many are alone for a day and get a second look."""

daily_streams: st.SearchStrategy[list[Event]] = st.lists(
    st.one_of(delayed_articles, delayed_articles, delayed_articles, delayed_articles, retractions),
    min_size=10,
    max_size=40,
).map(resolve_delays)

streams: st.SearchStrategy[list[Event]] = daily_streams | st.lists(
    st.one_of(articles, articles, articles, retractions), max_size=60
)
