"""The options of `newsloom evaluate` and `python -m evaluation`. Imports nothing heavy: help is quick and needs no extra."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from newsloom.service import EXIT_CONFIGURATION
from newsloom.settings import GRANULARITY_MAX, GRANULARITY_MIN
from newsloom.streaming.errors import ConfigurationError

DATA_VARIABLE: Final = "NEWSLOOM_TEST_DATA"
RESULTS: Final = Path(__file__).parent / "results"
DATA_BESIDE_THE_CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Request:
    """Which streams, where they and the vectors are; the other fields as the options say."""

    data: Path
    cache: Path
    sets: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()
    granularity: float = 1.0
    with_baselines: bool = False
    form: str = "text"
    keep: Path | None = None


_OPTIONS: Final = (
    click.argument("sets", metavar="[SET...]", nargs=-1),
    click.option(
        "--data",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help=f"Folder of the streams. [{DATA_VARIABLE}, else ../shared/data beside the checkout]",
    ),
    click.option(
        "--cache",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where vectors are kept between runs. [newsloom/evaluation in the user's cache folder]",
    ),
    click.option("--undated", metavar="SET", multiple=True, help="Replay this set a second time, all on one date."),
)


def stream_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose streams and pass them to `function` as `request`."""

    @functools.wraps(function)
    def with_request(
        *, sets: tuple[str, ...], data: Path | None, cache: Path | None, undated: tuple[str, ...], **others: Any
    ) -> None:
        made = made_folder(cache or default_cache_folder(), "--cache")
        request = Request(data=data_folder(data), cache=made, sets=sets, undated=undated)
        function(request=request, **others)

    decorated: Callable[..., None] = with_request
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def keep_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add the option for the folder of the results, which is there when the function begins, as `keep`."""
    decorated: Callable[..., None] = click.option(
        "--keep",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        default=RESULTS,
        callback=_made,
        help="Where the results go. [evaluation/results]",
    )(function)
    return decorated


def _made(context: click.Context, parameter: click.Parameter, folder: Path | None) -> Path | None:
    del context
    return made_folder(folder, f"--{parameter.name}") if folder is not None else None


def made_folder(folder: Path, option: str) -> Path:
    """The folder, made if need be before hours of work: raises ConfigurationError if it cannot be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option} {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"{option} {folder} may not be written into")
    return folder


def trial_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add what every command has that replays many configurations and keeps a table: `processes` and `keep`."""
    processes = click.option(
        "--processes", metavar="N", type=click.IntRange(min=1), help="Replays at once. [one a core]"
    )
    decorated: Callable[..., None] = processes(keep_option(function))
    return decorated


def data_folder(given: Path | None) -> Path:
    """The folder with the streams: as given, from the environment, or beside the checkout; raises ConfigurationError."""
    chosen = given or Path(os.environ.get(DATA_VARIABLE) or DATA_BESIDE_THE_CHECKOUT)
    if not chosen.is_dir():
        raise ConfigurationError(
            f"no labelled streams in {chosen}: name a folder of NAME.jsonl.gz files with --data or {DATA_VARIABLE}"
        )
    return chosen


def default_cache_folder() -> Path:
    """Where vectors and tuning trials are kept: `newsloom/evaluation` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsloom" / "evaluation"


@contextmanager
def evaluation_extra() -> Iterator[None]:
    """Say which extra is missing, where an import finds a package missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"newsloom", "services", "evaluation"}:
            raise
        raise ConfigurationError(
            f"evaluate needs {error.name}, which is not installed: pip install 'newsloom[evaluation]'"
        ) from error


def run_alone(command: click.Command) -> None:
    """Run a command as its own program: wrong settings and files are one clear line and exit status 78."""
    try:
        command.main()
    except ConfigurationError as error:
        print(f"{command.name}: {error}", file=sys.stderr)
        sys.exit(EXIT_CONFIGURATION)


@click.command(name="evaluate")
@stream_options
@click.option(
    "--baselines", "with_baselines", is_flag=True, help="Run other systems on the same vectors. Takes a while."
)
@click.option(
    "--granularity",
    metavar="X",
    type=click.FloatRange(GRANULARITY_MIN, GRANULARITY_MAX),
    default=1.0,
    help="Stories as NEWSLOOM_GRANULARITY=X makes them: above 1 finer, below 1 broader. [1]",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="json: one document.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_made,
    help="Write table, JSON and plot there, too.",
)
def command(*, request: Request, with_baselines: bool, granularity: float, form: str, keep: Path | None) -> None:
    """Score the story engine: replay labelled streams through it, in order of publication, and compare with the labels.

    Without SET every stream in the folder but the smoke test basil. Each is a file NAME.jsonl or NAME.jsonl.gz with an article
    a line: id, title, text, story (the label; null for background that is not scored) and, where known, published_at,
    source, lang, leaning, url. Streams without dates stand beside the macro average, not in it.

    The model is NEWSLOOM_MODEL. The first run encodes every text; later runs find the vectors in the cache.

    \b
    Examples:
      newsloom evaluate wikinews_events
      newsloom evaluate --data labelled/ --format json
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with evaluation_extra():
        # Only now: help is quick, and needs nothing but the command line.
        from evaluation.scores.results import run  # noqa: PLC0415
    asked = replace(request, with_baselines=with_baselines, granularity=granularity, form=form, keep=keep)
    click.echo(run(asked), nl=False)
