"""One configuration where the news is other than it was chosen on: `python -m evaluation.conditions`.

The same labelled streams with less text, with fewer stories at a time, inside a background of others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import click
import msgspec

from evaluation.ablation import Row, row_of
from evaluation.evaluate import Request, run_alone, stream_options, trial_options
from evaluation.output.summary import MACRO, provenance, share, table
from evaluation.scores.trials import TRIALS_FILE, Trials
from evaluation.streams.background import within_background
from evaluation.streams.event_stream import Prepared, cached_encoder, counted_streams, prepare_stream
from evaluation.streams.stream import Stream
from services.clusterer.core.parameters import Parameters
from services.embedder.encoder import Encoder

SENTENCES: Final = 2
"""As many as an aggregator's teaser has."""
KEPT: Final = 0.3
"""Share of the gold stories that a sparse stream keeps."""
BACKGROUND: Final = 1.0
"""Articles of other streams for each of a stream's own."""
READING: Final = """\
B-cubed F1 at the end of the replay, by the shipped configuration. A headline alone is all that a feed without texts has. A sparse
stream has three stories in ten, drawn by a seed: less to be confused with, and less to tell a story from. In a background,
as many articles of the other streams (if there are so many), whole stories of them, fall on the stream's own dates, unscored."""

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")


def shortened(stream: Stream, sentences: int) -> Stream:
    """The stream with the first sentences of each text; none leaves the title, but where there is none."""
    articles = [
        replace(one, article=msgspec.structs.replace(one.article, text=_first(one.article.text, sentences)))
        if one.article.title
        else one
        for one in stream.articles
    ]
    return replace(stream, articles=tuple(articles))


def _first(text: str, sentences: int) -> str:
    return " ".join(_SENTENCE_END.split(text)[:sentences])


def sparse(stream: Stream, kept: float, seed: int = 1) -> Stream:
    """The stream with this share of its gold stories, one at least, drawn by the seed, and the articles without one."""
    stories = sorted({one.story for one in stream.articles if one.story is not None})
    drawn = Random(seed).sample(stories, max(1, round(kept * len(stories))))  # noqa: S311 - no secret
    of_these = {None, *drawn}
    return replace(stream, articles=tuple(one for one in stream.articles if one.story in of_these))


CHANGED: Final[dict[str, Callable[[Stream], Stream]]] = {
    "as they are": lambda stream: stream,
    "title and two sentences": lambda stream: shortened(stream, SENTENCES),
    "headlines alone": lambda stream: shortened(stream, 0),
    "sparse": lambda stream: sparse(stream, KEPT),
}
AMONG: Final = "in a background"


@click.command(name="evaluation.conditions")
@stream_options
@trial_options
def command(*, request: Request, processes: int | None, keep: Path) -> None:
    """Score the shipped configuration with less text, with fewer stories, and inside a background of other news."""
    streams = counted_streams(request)
    names = [one.name for one in streams]
    ready = conditions(streams, cached_encoder(request.cache))
    everything = [one for some in ready.values() for one in some]
    with Trials(everything, request.cache / TRIALS_FILE, processes=processes) as trials:
        rows = [row_of(trials, name, names, some, Parameters()) for name, some in ready.items()]
    text = f"# Conditions\n\n{provenance()}\n{READING}\n\n{render(rows)}\n"
    (keep / "conditions.md").write_text(text)
    click.echo(text, nl=False)


def conditions(streams: Sequence[Stream], encoder: Encoder) -> dict[str, list[Prepared]]:
    """By condition every stream, in their order, under a name that tells both. One stream alone has no background."""
    ready = {
        name: [prepare_stream(replace(change(one), name=f"{one.name}, {name}"), encoder) for one in streams]
        for name, change in CHANGED.items()
    }
    whole = next(iter(ready.values()))
    if len(whole) > 1:
        ready[AMONG] = [
            within_background(one, [other for other in whole if other is not one], share=BACKGROUND) for one in whole
        ]
    return ready


def render(rows: Sequence[Row]) -> str:
    """B-cubed F1 by condition and stream, and on average."""
    found = [[row.name, *map(share, row.f1.values()), share(row.mean)] for row in rows]
    return table(["condition", *rows[0].f1, MACRO], found)


if __name__ == "__main__":
    run_alone(command)
