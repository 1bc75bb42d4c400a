"""The command `newsloom evaluate`. Heavy imports wait until it runs: help is quick and needs no extra."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from evaluation.cli.options import keep_option, stream_options
from evaluation.hard_streams.arrival import DEFAULT_RATES, ArrivalRates
from evaluation.streams.files import StreamRequest
from newsloom.settings import GRANULARITY_MAX, GRANULARITY_MIN
from newsloom.streaming.errors import ConfigurationError

_DISORDERED_HELP: Final = "Share of a hard stream's pages of 40 articles that come newest first or shuffled. [0.1]"
_UNDATED_HELP: Final = "Share of a hard stream's articles that come without a date. [0.01]"


@click.command(name="evaluate")
@stream_options
@click.option("--baselines", "with_baselines", is_flag=True, help="Run other systems on the same vectors (slow).")
@click.option(
    "--granularity",
    metavar="X",
    type=click.FloatRange(GRANULARITY_MIN, GRANULARITY_MAX),
    default=1.0,
    help="Make stories as NEWSLOOM_GRANULARITY=X does: above 1 finer, below 1 broader. [1]",
)
@click.option(
    "--hard-share",
    metavar="X",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Mix X times as many hard articles into each set, too. [0]",
)
@click.option(
    "--disordered", metavar="X", type=click.FloatRange(0, 1), default=DEFAULT_RATES.disordered, help=_DISORDERED_HELP
)
@click.option(
    "--undated-share", metavar="X", type=click.FloatRange(0, 1), default=DEFAULT_RATES.undated, help=_UNDATED_HELP
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: one document.")
@keep_option(default=None, text="Also write table, JSON and plot there.")
def command(
    *,
    request: StreamRequest,
    with_baselines: bool,
    granularity: float,
    hard_share: float,
    disordered: float,
    undated_share: float,
    form: str,
    keep: Path | None,
) -> None:
    """Score the story engine: replay labelled streams through it in order of publication, and compare with the labels.

    Without SET every stream in the folder is replayed, except the smoke test basil. A stream is a file NAME.jsonl or
    NAME.jsonl.gz with an article a line: id, title, text, story (the label; null for background that is not scored) and, where
    known, published_at, source, lang, leaning, url. Streams without dates are listed, but not part of the macro average.

    A set named hard-SEED is generated: two earthquakes of one day, notices of stock robots, daily wraps, consent pages, copies,
    flashes, in seven languages; hard-SEED-KIND has its articles of one kind. Hard streams need no folder, and are part of
    the average only if no other set is named.

    The model is NEWSLOOM_MODEL. The first run encodes every text; later runs find the vectors in the cache.

    \b
    Examples:
      newsloom evaluate wikinews_events
      newsloom evaluate --data labelled/ --format json
      newsloom evaluate hard-1 hard-1-templates
      newsloom evaluate wikinews_events ecbplus hard-1 --hard-share 0.3
    """  # noqa: D301 - click wants a real backspace before lines that it must not wrap
    try:
        from evaluation.output.results_files import write_results  # noqa: PLC0415
        from evaluation.output.summary import summary  # noqa: PLC0415
        from evaluation.scores.results import evaluate_streams  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"newsloom", "services", "evaluation"}:
            raise
        what = f"evaluate needs {error.name}, which is not installed: pip install 'newsloom[evaluation]'"
        raise ConfigurationError(what) from error
    results = evaluate_streams(
        request,
        hard_share=hard_share,
        arrival=ArrivalRates(disordered=disordered, undated=undated_share),
        granularity=granularity,
        with_baselines=with_baselines,
    )
    if keep is not None:
        write_results(results, keep)
    click.echo(results.to_json() if form == "json" else summary(results), nl=False)
