"""Labelled streams on disk.

A stream is a file of JSON lines, plain or gzip, `NAME.jsonl` or `NAME.jsonl.gz`, one article a line:

    id, title, text         the article
    story                   gold label: the story it belongs to; null for background, which is replayed and not scored
    published_at            an ISO 8601 date (midnight UTC) or an RFC 3339 time; null for undated
    source, lang, leaning, url   outlet, language, left | center | right; each may be missing

Other fields are ignored. Undated articles all get one date, the day after the latest.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from evaluation.streams.stream import (
    LabelledArticle,
    Stream,
    by_language,
    first_articles,
    in_replay_order,
    without_dates,
)
from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.limits import YEAR_MAX, YEAR_MIN
from newsloom.streaming.errors import ConfigurationError

DATA_VARIABLE: Final = "NEWSLOOM_TEST_DATA"
SUFFIXES: Final = (".jsonl.gz", ".jsonl")
SMOKE_TESTS: Final = frozenset({"basil"})
"""Too easy to be averaged with the others: replayed only when named."""
ALSO_UNDATED: Final = frozenset({"ecbplus"})
"""Dates years apart make look-alikes easy to separate here: also replayed without dates."""
DROPPED_STORIES: Final = {
    "wikinews_events": frozenset({"wn-on-the-campaign-trail-october-2012", "wn-on-the-campaign-trail-september-2012"})
}
"""Monthly digests that are labelled as if they were one event."""

_DEFAULT_DATE: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The streams' folder, the cache folder, and the streams by name; without names all streams in the folder.

    The streams' folder must exist only if a stream is read from it: hard streams need none.

    Streams named in `undated` are replayed a second time with all articles on one date. With `edition_from_language` each
    language of a stream is a stream of its own. Of each stream only the `first` articles are taken, if that is set.
    """

    data: Path
    cache: Path
    sets: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    edition_from_language: bool = False
    first: int | None = None


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


def read_streams(folder: Path, names: Sequence[str] = (), undated: Sequence[str] = ()) -> list[Stream]:
    """Read the named streams, then those without dates; raises ConfigurationError.

    Without names all files are read, except `SMOKE_TESTS` and files whose lines have no `id` (summaries of stories, for example).
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"no labelled streams in {folder}: name a folder of NAME.jsonl.gz files with --data or {DATA_VARIABLE}"
        )
    files = stream_files(folder)
    if not files:
        raise ConfigurationError(f"--data {folder}: no stream there; a stream is a file NAME.jsonl or NAME.jsonl.gz")
    for name in (*names, *undated):
        if name not in files:
            raise ConfigurationError(f"{name!r} is not a stream in {folder}; there are {', '.join(files)}")
    default_names = [name for name in files if name not in SMOKE_TESTS and _holds_articles(files[name])] or list(files)
    streams = [read_stream(files[name]) for name in dict.fromkeys([*(names or default_names), *undated])]
    return streams + [without_dates(stream) for stream in streams if stream.name in ALSO_UNDATED.union(undated)]


def read_requested(request: StreamRequest, names: Sequence[str]) -> list[Stream]:
    """Read the streams of these names as requested; raises ConfigurationError."""
    streams = read_streams(request.data, names, request.undated)
    if request.edition_from_language:
        streams = [part for stream in streams for part in by_language(stream)]
        if not streams:
            raise ConfigurationError("--edition-from-language: no article of these streams has a `lang`")
    streams = [stream if request.first is None else first_articles(stream, request.first) for stream in streams]
    return [stream for stream in streams if any(one.story is not None for one in stream.articles)]


def stream_files(folder: Path) -> dict[str, Path]:
    """Return the stream files in a folder by stream name."""
    found = {path.name.removesuffix(suffix): path for suffix in SUFFIXES for path in sorted(folder.glob(f"*{suffix}"))}
    return dict(sorted(found.items()))


def read_stream(path: Path) -> Stream:
    """Read one stream; raises ConfigurationError, with the line's number, for a line that is not a labelled article."""
    name = path.name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    dropped = DROPPED_STORIES.get(name, frozenset())
    rows = [row for row in _rows(path) if row[0].story not in dropped]
    if not any(row.story is not None for row, _ in rows):
        raise ConfigurationError(f"{path}: no article has a `story`, so there is nothing to score")
    dated = [at for _, at in rows if at is not None]
    undated_at = max(dated) + timedelta(days=1) if dated else _DEFAULT_DATE
    return Stream(name, in_replay_order(_labelled(row, at or undated_at) for row, at in rows))


def _holds_articles(path: Path) -> bool:
    """Return whether the first line is an article.

    True too if it cannot be decoded: then the file is read, and the error names the line.
    """
    try:
        first = msgspec.json.decode(next(read_lines(path), b"{}"))
    except (msgspec.DecodeError, ConfigurationError):
        return True
    return not isinstance(first, dict) or "id" in first


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
    for number, line in enumerate(read_lines(path), start=1):
        try:
            row = _ROW.decode(line)
            at = _moment(row.published_at)
        except (msgspec.DecodeError, ValueError) as error:
            raise ConfigurationError(f"{path}, line {number}: {error}") from error
        if row.id in seen:
            raise ConfigurationError(f"{path}, line {number}: an earlier line has the id {row.id!r} as well")
        seen.add(row.id)
        yield row, at


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file, plain or gzip by its name; raises ConfigurationError if it cannot be read."""
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
        raise ValueError(f"{text!r} is not an ISO 8601 date or time - at `$.published_at`") from None
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise ValueError(f"{text!r} is not between the years {YEAR_MIN} and {YEAR_MAX} - at `$.published_at`")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
