"""Labelled streams: what a system may see of each article, and the gold story that it may not.

A stream is a file of JSON lines, plain or gzip, `NAME.jsonl` or `NAME.jsonl.gz`, one article a line:

    id, title, text         the article
    story                   gold: the story it belongs to; null for background, which is replayed and not scored
    published_at            an ISO 8601 date (midnight UTC) or an RFC 3339 time; null for undated
    source, lang, leaning, url   outlet, language, left | center | right; each may be missing

Fields that are not named here are never looked at. Undated articles all get one date, the day after the latest.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.limits import YEAR_MAX, YEAR_MIN
from newsloom.streaming.errors import ConfigurationError

SUFFIXES: Final = (".jsonl.gz", ".jsonl")
UNDATED: Final = "-undated"
"""Stands behind a stream's name where all its articles have been given one date."""

SMOKE_TESTS: Final = frozenset({"basil"})
"""Too easy to be averaged with the others: replayed only where they are named."""
ALSO_UNDATED: Final = frozenset({"ecbplus"})
"""Their dates set look-alikes years apart, which makes them easy: replayed a second time without dates."""
DROPPED_STORIES: Final = {
    "wikinews_events": frozenset({"wn-on-the-campaign-trail-october-2012", "wn-on-the-campaign-trail-september-2012"})
}
"""Monthly digests, labelled as if they were one event."""

_ALL_ON_ONE_DATE: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """An article as it is published, with its date resolved, and its gold story; None for background."""

    article: Article
    published_at: datetime
    story: str | None


@dataclass(frozen=True, slots=True)
class Stream:
    """Articles in the order of replay: by publication, in the file's order where that is the same."""

    name: str
    articles: tuple[LabelledArticle, ...]

    @property
    def in_macro(self) -> bool:
        """Whether the macro average counts it: a stream robbed of its dates stands beside the others."""
        return not self.name.endswith(UNDATED)


class _Row(msgspec.Struct):
    id: str
    story: str | None
    title: str | None = None
    text: str | None = None
    published_at: str | None = None
    source: str | None = None
    lang: str | None = None
    leaning: Leaning | None = None
    url: str | None = None


_ROW: Final = msgspec.json.Decoder(_Row)


def stream_files(folder: Path) -> dict[str, Path]:
    """The streams in a folder, by name."""
    found = {path.name.removesuffix(suffix): path for suffix in SUFFIXES for path in sorted(folder.glob(f"*{suffix}"))}
    return dict(sorted(found.items()))


def read_streams(folder: Path, names: Sequence[str] = (), undated: Sequence[str] = ()) -> list[Stream]:
    """The named streams (without names all but `SMOKE_TESTS`), followed by those of them that are replayed undated as well.

    Raises:
        ConfigurationError: no such folder or stream, or a line that is no labelled article.

    """
    files = stream_files(folder)
    if not files:
        raise ConfigurationError(f"--data {folder}: no stream there; a stream is a file NAME.jsonl or NAME.jsonl.gz")
    for name in (*names, *undated):
        if name not in files:
            raise ConfigurationError(f"{name!r} is not a stream in {folder}; there are {', '.join(files)}")
    headline = [name for name in files if name not in SMOKE_TESTS] or list(files)
    streams = [read_stream(files[name]) for name in dict.fromkeys([*(names or headline), *undated])]
    return streams + [without_dates(stream) for stream in streams if stream.name in ALSO_UNDATED.union(undated)]


def read_stream(path: Path) -> Stream:
    """The stream in a file; raises ConfigurationError with file and line for what is no labelled article."""
    name = path.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    dropped = DROPPED_STORIES.get(name, frozenset())
    rows = [row for row in _rows(path) if row[0].story not in dropped]
    if not any(row.story is not None for row, _ in rows):
        raise ConfigurationError(f"{path}: no article has a `story`, so that there is nothing to score")
    dated = [at for _, at in rows if at is not None]
    undated_at = max(dated) + timedelta(days=1) if dated else _ALL_ON_ONE_DATE
    return Stream(name, _in_order(_labelled(row, at or undated_at) for row, at in rows))


def without_dates(stream: Stream) -> Stream:
    """The same articles, all on one date and in the same order."""
    at = max(labelled.published_at for labelled in stream.articles)
    return Stream(stream.name + UNDATED, tuple(_dated(labelled, at) for labelled in stream.articles))


def shuffled_within_ties(stream: Stream, seed: int) -> Stream:
    """The same stream with the articles of each moment in another order."""
    shuffled = list(stream.articles)
    Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
    return Stream(stream.name, _in_order(shuffled))


def _in_order(articles: Iterator[LabelledArticle] | Sequence[LabelledArticle]) -> tuple[LabelledArticle, ...]:
    return tuple(sorted(articles, key=lambda labelled: labelled.published_at))


def _dated(labelled: LabelledArticle, at: datetime) -> LabelledArticle:
    return replace(labelled, published_at=at, article=msgspec.structs.replace(labelled.article, published_at=at))


def _labelled(row: _Row, at: datetime) -> LabelledArticle:
    article = Article(
        id=row.id,
        title=row.title or "",
        text=row.text or "",
        published_at=at,
        url=row.url,
        outlet=row.source,
        language=row.lang,
        leaning=row.leaning,
    )
    return LabelledArticle(article, at, row.story)


def _rows(path: Path) -> Iterator[tuple[_Row, datetime | None]]:
    seen: set[str] = set()
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = _ROW.decode(line)
            at = _moment(row.published_at)
        except (msgspec.DecodeError, ValueError) as error:
            raise ConfigurationError(f"{path}, line {number}: {error}") from error
        if row.id in seen:
            raise ConfigurationError(f"{path}, line {number}: the id {row.id!r} stands in an earlier line, too")
        seen.add(row.id)
        yield row, at


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from lines
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 date or time - at `$.published_at`") from None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError(f"{text!r} is no date from {YEAR_MIN} to {YEAR_MAX} - at `$.published_at`")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
