"""A labelled stream in memory: its articles in the order of replay, and the gold story of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

import msgspec

from newsloom.contracts.article import Article

UNDATED: Final = "-undated"
"""Suffix of a stream's name when all its articles have been given one date."""


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """An article as it is published, its resolved date, and its gold story; None for background."""

    article: Article
    published_at: datetime
    story: str | None


@dataclass(frozen=True, slots=True)
class Gold:
    """Ids, gold stories and days of a stream's labelled articles, in the order of replay. Background is left out."""

    ids: tuple[str, ...]
    stories: tuple[str, ...]
    days: tuple[date, ...]

    def by_article(self) -> dict[str, str]:
        """Return the gold story of each labelled article, by article id."""
        return dict(zip(self.ids, self.stories, strict=True))


@dataclass(frozen=True, slots=True)
class Stream:
    """Articles in the order of replay: by publication time, in file order where that is the same."""

    name: str
    articles: tuple[LabelledArticle, ...]

    @property
    def in_macro(self) -> bool:
        """Whether the stream is part of the macro average. Streams whose dates were removed are not."""
        return not self.name.endswith(UNDATED)

    def gold(self) -> Gold:
        """Return the labels. They are never shown to a system."""
        labelled = [
            (one.article.id, one.story, one.published_at.date()) for one in self.articles if one.story is not None
        ]
        ids, stories, days = zip(*labelled, strict=True)
        return Gold(ids, stories, days)


def in_replay_order(articles: Iterable[LabelledArticle]) -> tuple[LabelledArticle, ...]:
    """Return the articles by publication time; the sort is stable."""
    return tuple(sorted(articles, key=lambda labelled: labelled.published_at))


def without_dates(stream: Stream) -> Stream:
    """Return the stream with all articles on one date, in the same order."""
    at = max(labelled.published_at for labelled in stream.articles)
    articles = [
        replace(one, published_at=at, article=msgspec.structs.replace(one.article, published_at=at))
        for one in stream.articles
    ]
    return Stream(stream.name + UNDATED, tuple(articles))


def by_language(stream: Stream) -> list[Stream]:
    """Return a stream for the articles of each language, as an edition of its own; those without one are left out."""
    languages = sorted({one.article.language for one in stream.articles if one.article.language})
    return [
        Stream(f"{stream.name}-{language}", tuple(one for one in stream.articles if one.article.language == language))
        for language in languages
    ]


def first_articles(stream: Stream, count: int) -> Stream:
    """Return the stream's first articles."""
    return replace(stream, articles=stream.articles[:count])
