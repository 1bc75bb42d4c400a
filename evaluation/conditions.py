"""Score the shipped configuration under conditions that it was not chosen for: `python -m evaluation.conditions`.

The same labelled streams with less text, with fewer stories at a time, and inside a background of other streams.
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

from evaluation.cli.options import stream_options, trial_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import f1_table
from evaluation.scores.comparison import changed_streams_row
from evaluation.scores.trials import Trials
from evaluation.streams.background import within_background
from evaluation.streams.encoder_cache import configured_encoder
from evaluation.streams.event_stream import EventStream, build_event_stream, read_macro_streams
from evaluation.streams.files import StreamRequest
from evaluation.streams.stream import Stream
from services.clusterer.core.parameters import Parameters
from services.embedder.encoder import Encoder

SENTENCES: Final = 2
"""As many as in an aggregator's teaser."""
KEPT: Final = 0.3
"""Share of the gold stories that a sparse stream keeps."""
BACKGROUND: Final = 1.0
"""Articles of other streams for each of a stream's own."""
NOTE: Final = """\
B-cubed F1 at the end of the replay, with the shipped configuration. Headlines alone are what a feed without texts has. A sparse
stream has three stories in ten, drawn by a seed: fewer look-alikes, but also less background. In a background, as many articles
of the other streams (or all of them, if there are fewer), whole stories, fall on the stream's own dates; they are not scored."""

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")


def with_short_texts(stream: Stream, sentences: int) -> Stream:
    """Return the stream with only the first sentences of each text. Articles without a title keep their text."""
    articles = list(stream.articles)
    for index, one in enumerate(articles):
        if one.article.title:
            text = " ".join(_SENTENCE_END.split(one.article.text)[:sentences])
            articles[index] = replace(one, article=msgspec.structs.replace(one.article, text=text))
    return replace(stream, articles=tuple(articles))


def with_fewer_stories(stream: Stream, kept: float, seed: int = 1) -> Stream:
    """Return the stream with this share of its gold stories, at least one, drawn by the seed. Unlabelled articles stay."""
    stories = sorted({one.story for one in stream.articles if one.story is not None})
    drawn = Random(seed).sample(stories, max(1, round(kept * len(stories))))  # noqa: S311 - no secret
    kept_stories = {None, *drawn}
    return replace(stream, articles=tuple(one for one in stream.articles if one.story in kept_stories))


CONDITIONS: Final[dict[str, Callable[[Stream], Stream]]] = {
    "as they are": lambda stream: stream,
    "title and two sentences": lambda stream: with_short_texts(stream, SENTENCES),
    "headlines alone": lambda stream: with_short_texts(stream, 0),
    "sparse": lambda stream: with_fewer_stories(stream, KEPT),
}
IN_BACKGROUND: Final = "in a background"


@click.command(name="evaluation.conditions")
@stream_options
@trial_options
def command(*, request: StreamRequest, processes: int | None, keep: Path) -> None:
    """Score the shipped configuration with less text, with fewer stories, and inside a background of other news."""
    streams = read_macro_streams(request)
    names = [one.name for one in streams]
    ready = streams_by_condition(streams, configured_encoder(request.cache))
    everything = [one for some in ready.values() for one in some]
    with Trials(everything, request.cache, processes=processes) as trials:
        rows = [changed_streams_row(trials, name, names, some, Parameters()) for name, some in ready.items()]
    publish_page(keep / "conditions.md", "Conditions", NOTE, f1_table("condition", rows))


def streams_by_condition(streams: Sequence[Stream], encoder: Encoder) -> dict[str, list[EventStream]]:
    """Return the streams under each condition, in their order. A single stream has no background."""
    ready = {
        name: [build_event_stream(replace(change(one), name=f"{one.name}, {name}"), encoder) for one in streams]
        for name, change in CONDITIONS.items()
    }
    whole = next(iter(ready.values()))
    if len(whole) > 1:
        ready[IN_BACKGROUND] = [
            within_background(one, [other for other in whole if other is not one], share=BACKGROUND) for one in whole
        ]
    return ready


if __name__ == "__main__":
    run_program(command)
