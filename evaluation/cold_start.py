"""Score the first articles of an empty log: `python -m evaluation.cold_start`.

From many start days of each stream, the first articles are replayed by a new engine, and scored against an engine that has seen
all days before. Both are scored on these articles alone, at the moment when the last of them has come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Final, NamedTuple

import click

from evaluation.cli.options import keep_option, stream_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import share, table
from evaluation.replays.replay import Replay, new_engine, record_changes
from evaluation.scores.metrics import b_cubed
from evaluation.streams.encoder_cache import print_progress
from evaluation.streams.event_stream import EventStream, load_event_streams
from evaluation.streams.files import StreamRequest
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.parameters import Parameters

COUNTS: Final = (50, 100, 200)
STARTS_MAX: Final = 12
WARM_MIN: Final = 150
"""Articles before the first start day, so that the other engine is warm."""
NOTE: Final = """\
B-cubed F1 of the first articles after a start day, by an engine that begins with them (cold) and by one that has seen all days
before (warm): the mean over the start days of each stream."""


class Start(NamedTuple):
    """The F1 of the first articles from a start day, cold and warm, for each number of `COUNTS`."""

    cold: list[float]
    warm: list[float]


@click.command(name="evaluation.cold_start")
@stream_options
@keep_option()
def command(*, request: StreamRequest, keep: Path) -> None:
    """Score the first articles of an empty log, and the same articles by a warm engine."""
    rows = []
    for stream in load_event_streams(request):
        print_progress(f"{stream.name}: cold starts")
        starts = score_starts(stream)
        if starts:
            rows.append(_row(stream.name, starts))
    headers = ("stream", "starts", *(f"{kind}, {count}" for count in COUNTS for kind in ("cold", "warm")))
    publish_page(keep / "cold_start.md", "Cold start", NOTE, table(headers, rows))


def score_starts(stream: EventStream) -> list[Start]:
    """Score the stream from several of its days."""
    days = start_indexes(stream.events)
    warm = _scores(stream, days, begin=0)
    found = []
    for start in days:
        cold = _scores(stream, [start], begin=start)
        found.append(Start(*([scores[start, count] for count in COUNTS] for scores in (cold, warm))))
    return found


def start_indexes(events: Sequence[ArticleVector]) -> list[int]:
    """Return the index of the first article of at most `STARTS_MAX` days, evenly spread."""
    first_of_day = [
        index
        for index in range(WARM_MIN, len(events) - max(COUNTS) + 1)
        if events[index].published_at.date() != events[index - 1].published_at.date()
    ]
    step = max(1, -(-len(first_of_day) // STARTS_MAX))
    return first_of_day[::step]


def _scores(stream: EventStream, starts: Sequence[int], *, begin: int) -> dict[tuple[int, int], float]:
    """Replay from `begin`, and score the first articles from each start when the last of them has come, by start and count."""
    moments: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for start, count in product(starts, COUNTS):
        moments[start + count].append((start, count))
    engine, outcome, found = new_engine(stream.events[begin], Parameters()), Replay(), {}
    for come in range(begin + 1, max(moments, default=begin) + 1):
        record_changes(outcome, engine.apply(stream.events[come - 1]))
        for start, count in moments[come]:
            found[start, count] = _f1(stream, outcome, range(start, start + count))
    return found


def _f1(stream: EventStream, outcome: Replay, indexes: range) -> float:
    gold = stream.gold.by_article()
    ids = [article for article in _ids(stream, indexes) if article in gold]
    return b_cubed([gold[article] for article in ids], [outcome.final[article] for article in ids]).f1


def _ids(stream: EventStream, indexes: range) -> Iterator[str]:
    return (stream.events[index].article_id for index in indexes)


def _row(name: str, starts: Sequence[Start]) -> tuple[str, ...]:
    means = [
        share(sum(getattr(start, kind)[place] for start in starts) / len(starts))
        for place in range(len(COUNTS))
        for kind in ("cold", "warm")
    ]
    return (name, str(len(starts)), *means)


if __name__ == "__main__":
    run_program(command)
