"""Stories of unusual size and number: one that everybody reports, one in every outlet, thousands at once, merges without end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.core import START, stream
from newsloom.contracts.command import MergeStories
from newsloom.contracts.vector import ArticleVector
from tests.accidents.clusterer_run import ClustererRun, Cost
from tests.accidents.copies import copies


def large_story(run: ClustererRun, count: int) -> tuple[Cost, Cost]:
    """Publish reports of one event; return what the first half and the second half cost."""
    reports = list(_reports_of_one_event(count))
    return run.send(reports[: count // 2]), run.send(reports[count // 2 :])


def many_outlets(run: ClustererRun, count: int) -> tuple[Cost, Cost]:
    """Publish copies of one text, each by an outlet of its own; return what the first half and the second half cost."""
    articles = [
        msgspec.structs.replace(article, outlet=f"Outlet {number}") for number, article in enumerate(copies(count))
    ]
    return run.send(articles[: count // 2]), run.send(articles[count // 2 :])


def open_stories(run: ClustererRun, count: int) -> tuple[Cost, Cost]:
    """Publish articles that have nothing in common; return what the first half and the second half cost."""
    articles = _unlike_articles(count)
    half = [next(articles) for _ in range(count // 2)]
    return run.send(half), run.send(articles)


def merges(run: ClustererRun, count: int) -> tuple[Cost, Cost]:
    """Found stories, and merge them into the first one by commands; return what both cost."""
    founded = run.send(_unlike_articles(count + 1))
    first, *others = run.story_ids()
    return founded, run.send(
        MergeStories(
            command_id=f"c-{number}",
            edition="main",
            by="Jane Doe",
            why="One event.",
            issued_at=START,
            story_id=first,
            other_story_id=other,
        )
        for number, other in enumerate(others)
    )


def _reports_of_one_event(count: int) -> Iterator[ArticleVector]:
    """Yield reports with the same vectors and texts of their own, one a second, by 200 outlets."""
    (report,), random = stream(1, window=1), np.random.default_rng(1)
    for number in range(count):
        yield msgspec.structs.replace(
            report,
            article_id=f"a{number}",
            digest=str(number),
            title=f"Title {number}",
            published_at=START + timedelta(seconds=number),
            shingles=_hashes(random, 118),
            outlet=f"Outlet {number % 200}",
        )


def _unlike_articles(count: int) -> Iterator[ArticleVector]:
    """Yield articles in random directions with random words, one a second."""
    (article,), random = stream(1, window=1), np.random.default_rng(2)
    for number in range(count):
        terms = _hashes(random, 180)
        yield msgspec.structs.replace(
            article,
            article_id=f"a{number}",
            digest=str(number),
            title=f"Title {number}",
            published_at=START + timedelta(seconds=number),
            shingles=_hashes(random, 118),
            terms=terms,
            term_counts=bytes([1]) * (len(terms) // 4),
            title_vector=_direction(random, len(article.title_vector) // 2),
            lead_vector=_direction(random, len(article.lead_vector) // 2),
        )


def _hashes(random: np.random.Generator, count: int) -> bytes:
    hashes: npt.NDArray[np.uint32] = np.unique(random.integers(2**32, size=count, dtype=np.uint32))
    return hashes.astype("<u4").tobytes()


def _direction(random: np.random.Generator, dimension: int) -> bytes:
    direction = random.normal(size=dimension)
    encoded: bytes = (direction / np.linalg.norm(direction)).astype("<f2").tobytes()
    return encoded
