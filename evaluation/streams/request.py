"""Which streams to load, and from where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newsloom.streaming.errors import ConfigurationError

DATA_VARIABLE: Final = "NEWSLOOM_TEST_DATA"
CHECKOUT_DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The streams' folder, the cache folder, and the streams by name; without names all streams in the folder.

    Streams named in `undated` are replayed a second time with all articles on one date.
    """

    data: Path
    cache: Path
    sets: tuple[str, ...] = ()
    undated: tuple[str, ...] = ()


def data_folder(option: Path | None) -> Path:
    """Return the folder of the streams: the option, the environment variable, or the one beside the checkout.

    Raises:
        ConfigurationError: there is no such folder.

    """
    folder = option or Path(os.environ.get(DATA_VARIABLE) or CHECKOUT_DATA)
    if not folder.is_dir():
        raise ConfigurationError(
            f"no labelled streams in {folder}: name a folder of NAME.jsonl.gz files with --data or {DATA_VARIABLE}"
        )
    return folder


def default_cache_folder() -> Path:
    """Return the folder for cached vectors and trials: `newsloom/evaluation` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newsloom" / "evaluation"
