"""Score the shipped configuration on articles that arrive out of order: `python -m evaluation.arrival_orders`.

The same labelled streams reversed, shuffled, in daily batches with the newest first, with a fifth of the articles after all
others, and with one article in a hundred undated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Final

import click
import msgspec

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import f1_table
from evaluation.scores.comparison import changed_streams_row
from evaluation.scores.trials import Trials
from evaluation.streams.event_stream import EventStream, load_event_streams
from evaluation.streams.files import StreamRequest
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.parameters import Parameters

UNDATED_SHARE: Final = 0.01
BACKFILLED_SHARE: Final = 0.2
ARCHIVE_AGE: Final = timedelta(days=400)
"""How long after the latest article an archive is ingested: the timestamps of its undated articles."""
NOTE: Final = """\
B-cubed F1 at the end of the replay, with the shipped configuration. "reversed" is newest first, "daily batches" has the days
newest first and each day in its own order, "backfilled" has a fifth of the articles after all others, when
most of their stories have closed, "1 % undated" is the stream's own order as an archive of which one article in a hundred has no
date: its record is 400 days younger than the latest article."""

Events = tuple[ArticleVector, ...]


def shuffled(events: Events, seed: int = 1) -> Events:
    """Return the events in a random order."""
    return tuple(Random(seed).sample(events, len(events)))  # noqa: S311 - no secret


def in_daily_batches(events: Events) -> Events:
    """Return the events with the days newest first, and the articles of a day in their own order."""
    days = [tuple(day) for _, day in groupby(events, key=lambda event: event.published_at.date())]
    return tuple(event for day in reversed(days) for event in day)


def backfilled(events: Events, share: float = BACKFILLED_SHARE, seed: int = 1) -> Events:
    """Return the events with this share of them, in their own order, after all others."""
    random = Random(seed)  # noqa: S311 - no secret
    chosen = set(random.sample(range(len(events)), round(share * len(events))))
    in_time = [event for index, event in enumerate(events) if index not in chosen]
    return (*in_time, *(events[index] for index in sorted(chosen)))


def partly_undated(events: Events, share: float = UNDATED_SHARE, seed: int = 1) -> Events:
    """Return the events with this share of them, one at least, without a date."""
    random = Random(seed)  # noqa: S311 - no secret
    chosen = set(random.sample(range(1, len(events)), max(1, round(share * len(events)))))
    record_time = max(event.published_at for event in events) + ARCHIVE_AGE
    return tuple(
        msgspec.structs.replace(event, published_at=record_time, dated=False) if index in chosen else event
        for index, event in enumerate(events)
    )


ORDERS: Final[dict[str, Callable[[Events], Events]]] = {
    "ordered": lambda events: events,
    "reversed": lambda events: events[::-1],
    "shuffled": shuffled,
    "daily batches": in_daily_batches,
    "backfilled": backfilled,
    "1 % undated": partly_undated,
}


@click.command(name="evaluation.arrival_orders")
@stream_options
@trial_options
def command(*, request: StreamRequest, processes: int | None, keep: Path) -> None:
    """Score the shipped configuration on articles that arrive in other orders, or partly without dates."""
    streams = load_event_streams(request)
    ready = streams_by_order(streams)
    everything = [one for some in ready.values() for one in some]
    names = [one.name for one in streams]
    with Trials(everything, request.cache, processes=processes) as trials:
        rows = [changed_streams_row(trials, name, names, some, Parameters()) for name, some in ready.items()]
    publish_page(keep / "arrival_orders.md", "Arrival orders", NOTE, f1_table("order", rows))


def streams_by_order(streams: Sequence[EventStream]) -> dict[str, list[EventStream]]:
    """Return the streams in each order."""
    return {
        name: [replace(one, name=f"{one.name}, {name}", events=reorder(one.events)) for one in streams]
        for name, reorder in ORDERS.items()
    }


if __name__ == "__main__":
    run_program(command)
