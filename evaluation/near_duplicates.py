"""Check the threshold between copies and boilerplate against the labels: `python -m evaluation.near_duplicates`.

Near-duplicate articles are copies only if the title of one fits the text of the other. Otherwise the text they share is
boilerplate. The engine asks for more (`services/clusterer/core/title_agreement.py`); this program looks at the fit alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from evaluation.cli.options import keep_option, stream_options
from evaluation.cli.program import run_program
from evaluation.output.results_files import publish_page
from evaluation.output.tables import table
from evaluation.replays.near_duplicate_pairs import NearDuplicate, near_duplicate_pairs
from evaluation.streams.event_stream import EventStream, load_event_streams
from evaluation.streams.files import StreamRequest
from services.clusterer.core.parameters import Parameters

NOTE: Final = """\
Pairs of labelled articles with at least half of their text in common, by gold story and by fit: the higher of the two cosines of
one's title with the other's lead. Below the threshold the shared text is boilerplate; from it on, one is a copy of the other."""


@click.command(name="evaluation.near_duplicates")
@stream_options
@keep_option()
def command(*, request: StreamRequest, keep: Path) -> None:
    """Count near-duplicate pairs within one gold story and across two, below and above the threshold of a fit."""
    page = near_duplicates_table(load_event_streams(request), Parameters())
    publish_page(keep / "near_duplicates.md", "Near-duplicates", NOTE, page)


def near_duplicates_table(streams: Sequence[EventStream], parameters: Parameters) -> str:
    """Return a table by stream: the number of pairs on each side of the threshold, and the fits nearest to it."""
    threshold = parameters.copy_fit
    heads = ["stream", "gold stories", f"below {threshold}", "highest fit", f"from {threshold} on", "lowest fit"]
    rows = []
    for stream in streams:
        gold = stream.gold.by_article()
        pairs = near_duplicate_pairs(stream.events, parameters)
        for name, is_one in (("two", False), ("one", True)):
            fits = [pair.fit for pair in pairs if _is_one_story(pair, stream, gold) is is_one]
            below = _cells([fit for fit in fits if fit < threshold], max)
            above = _cells([fit for fit in fits if fit >= threshold], min)
            rows.append([stream.name, name, *below, *above])
    return table(heads, rows)


def _is_one_story(pair: NearDuplicate, stream: EventStream, gold: Mapping[str, str]) -> bool | None:
    one, other = (gold.get(stream.events[index].article_id) for index in (pair.earlier, pair.later))
    return None if one is None or other is None else one == other


def _cells(fits: Sequence[float], nearest: Callable[[Sequence[float]], float]) -> tuple[str, str]:
    return f"{len(fits):,}", f"{nearest(fits):.2f}" if fits else ""


if __name__ == "__main__":
    run_program(command)
