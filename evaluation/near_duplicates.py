"""Check the threshold between copies and boilerplate against the labels: `python -m evaluation.near_duplicates`.

Near-duplicate texts whose titles fit are copies; without a fitting title the shared text is boilerplate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from evaluation.evaluate import Request, keep_option, run_alone, stream_options
from evaluation.output.summary import provenance, table
from evaluation.replays.replay import calibration_for
from evaluation.streams.event_stream import Prepared, cached_encoder, counted_streams, prepare_stream
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.features import Features, decode_features, title_fit
from services.clusterer.core.minhash_index import MinHashIndex
from services.clusterer.core.parameters import Parameters

READING = """\
Pairs of labelled articles that have at least half of their text in common, by gold story and by fit: the higher one of two
cosines, of a title with the other's lead. Below the bar, the text is boilerplate; from it on, one is a copy of the other."""


class Repeat(NamedTuple):
    """Two articles, by their places in the stream, that have most of their text in common."""

    earlier: int
    later: int
    jaccard: float
    fit: float


def repeats(events: Sequence[ArticleVector], parameters: Parameters) -> list[Repeat]:
    """Which reports each article repeats: by article, the nearest first, of those the earliest.

    As the engine sees it, but that which stories are open is not known here: a copy of an article of the last week is no report.
    """
    calibration = calibration_for(events[0])
    index = MinHashIndex(jaccard_min=parameters.copy_jaccard, shingles_min=parameters.copy_shingles_min)
    known: list[Features] = []
    every = []
    for later, event in enumerate(events):
        features = decode_features(event, calibration.dimension).features
        bands = index.bands(features.shingles)
        proposed = index.matches(features.shingles, bands)
        found = [
            Repeat(int(earlier), later, jaccard, title_fit(features, known[int(earlier)], calibration))
            for jaccard, earlier in proposed
        ]
        copied = [one for one in found if one.fit >= parameters.copy_fit]
        if found and not copied:
            # As the engine knows it from now on.
            features = features._replace(lead=features.title)
        known.append(features)
        if not any(event.published_at - events[one.earlier].published_at <= parameters.window for one in copied):
            index.add(str(later), features.shingles, bands)
        every += sorted(found, key=lambda one: (-one.jaccard, one.earlier))
    return every


@click.command(name="evaluation.near_duplicates")
@stream_options
@keep_option
def command(*, request: Request, keep: Path) -> None:
    """Count the pairs whose texts repeat each other, in one gold story and in two, below and above the bar of a fit."""
    encoder = cached_encoder(request.cache)
    streams = [prepare_stream(stream, encoder) for stream in counted_streams(request)]
    text = f"# Repeats\n\n{provenance()}\n{READING}\n\n{render(streams, Parameters())}\n"
    (keep / "near_duplicates.md").write_text(text)
    click.echo(text, nl=False)


def render(streams: Sequence[Prepared], parameters: Parameters) -> str:
    """A row for each stream: how many pairs are on which side, and the fits nearest to the bar."""
    bar = parameters.copy_fit
    heads = ["stream", "gold stories", f"below {bar}", "highest fit", f"from {bar} on", "lowest fit"]
    rows = []
    for stream in streams:
        gold = dict(zip(stream.gold.ids, stream.gold.stories, strict=True))
        for name, is_one in (("two", False), ("one", True)):
            fits = [one.fit for one in repeats(stream.events, parameters) if _is_one(one, stream, gold) is is_one]
            rows.append(
                [
                    stream.name,
                    name,
                    *_side([fit for fit in fits if fit < bar], max),
                    *_side([fit for fit in fits if fit >= bar], min),
                ]
            )
    return table(heads, rows)


def _is_one(repeat: Repeat, stream: Prepared, gold: Mapping[str, str]) -> bool | None:
    one, other = (gold.get(stream.events[place].article_id) for place in (repeat.earlier, repeat.later))
    return None if one is None or other is None else one == other


def _side(fits: Sequence[float], nearest: Callable[[Sequence[float]], float]) -> tuple[str, str]:
    return f"{len(fits):,}", f"{nearest(fits):.2f}" if fits else ""


if __name__ == "__main__":
    run_alone(command)
