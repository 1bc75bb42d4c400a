"""Command-line options. Imports nothing heavy: help is quick and needs no extra."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from evaluation.streams.files import DATA_VARIABLE, StreamRequest
from newsloom.streaming.errors import ConfigurationError

CHECKOUT_DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"
RESULTS: Final = Path(__file__).resolve().parents[1] / "results"

FOLDER: Final = click.Path(path_type=Path, file_okay=False)

_DATA_HELP: Final = f"Folder of the streams. [{DATA_VARIABLE}, else ../shared/data beside the checkout]"
_CACHE_HELP: Final = "Folder of the cached vectors. [newsloom/evaluation in the user's cache folder]"
_STREAM_OPTIONS: Final = (
    click.argument("sets", metavar="[SET...]", nargs=-1),
    click.option("--data", metavar="DIR", type=click.Path(path_type=Path), help=_DATA_HELP),
    click.option("--cache", metavar="DIR", type=FOLDER, help=_CACHE_HELP),
    click.option("--undated", metavar="SET", multiple=True, help="Replay this set a second time, all on one date."),
    click.option(
        "--edition-from-language", is_flag=True, help="Replay each language of a set as an edition of its own."
    ),
    click.option("--first", metavar="N", type=click.IntRange(1), help="Replay only the first N articles of each set."),
)


def stream_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose streams, and pass them to `function` as `request`."""

    @functools.wraps(function)
    def with_request(
        *,
        sets: tuple[str, ...],
        data: Path | None,
        cache: Path | None,
        undated: tuple[str, ...],
        edition_from_language: bool,
        first: int | None,
        **others: Any,
    ) -> None:
        folder = writable_folder(cache or default_cache_folder(), "--cache")
        request = StreamRequest(data or default_data_folder(), folder, sets, undated, edition_from_language, first)
        function(request=request, **others)

    decorated: Callable[..., None] = with_request
    for option in reversed(_STREAM_OPTIONS):
        decorated = option(decorated)
    return decorated


def keep_option(
    *, default: Path | None = RESULTS, text: str = "Write the results there. [evaluation/results]"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Build the decorator that adds `--keep`, the folder for results. The folder is created before the function runs."""
    return click.option(
        "--keep",
        metavar="DIR",
        type=FOLDER,
        default=default,
        callback=lambda _context, _parameter, folder: writable_folder(folder, "--keep") if folder else None,
        help=text,
    )


def trial_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--processes` and `--keep`, for programs that replay many configurations."""
    count = click.IntRange(min=1)
    processes = click.option("--processes", metavar="N", type=count, help="Number of parallel replays. [one per core]")
    decorated: Callable[..., None] = processes(keep_option()(function))
    return decorated


def writable_folder(folder: Path, option: str) -> Path:
    """Create the folder if it is missing, and return it; raises ConfigurationError now instead of after hours of work."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option} {folder} cannot be created: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"{option} {folder} is not writable")
    return folder


def default_data_folder() -> Path:
    """Return the folder of the environment variable, or the one beside the checkout. It need not exist."""
    return Path(os.environ.get(DATA_VARIABLE) or CHECKOUT_DATA)


def default_cache_folder() -> Path:
    """Return the folder for cached vectors and trials: `newsloom/evaluation` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsloom" / "evaluation"
