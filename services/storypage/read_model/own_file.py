"""Tell the story page's own file from all others, without changing it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.sqlite.log import path_of_url

APPLICATION_ID: Final = 0x6E777370
"""SQLite's `application_id` of a read model."""
_SQLITE: Final = b"SQLite format 3\0"
_ID_AT: Final = 68
_ID_BYTES: Final = 4


def check_file(path: Path, settings: Settings) -> None:
    """Raise `ConfigurationError` if a file cannot be at the path, or one is there that the story page must not replace."""
    try:
        if _is_log(path, settings):
            raise _error(path, "this is the log (NEWSLOOM_LOG): name another")
        if path.is_dir():
            raise _error(path, "this is a folder: name a file")
        if not path.parent.is_dir():
            raise _error(path, f"{path.parent} is not there: create the folder")
    except OSError as error:
        raise _error(path, f"{error.strerror}: name another") from error
    check_is_own(path)


def check_is_own(path: Path) -> None:
    """Raise `ConfigurationError` unless the file is missing, empty or the story page's own."""
    try:
        if not path.exists():
            return
        is_own = path.is_file() and (is_empty(path) or _has_mark(path))
    except OSError as error:
        raise _error(path, f"{error.strerror}: name another") from error
    if not is_own:
        raise _error(path, "this is not a story page's file: name another")


def is_empty(path: Path) -> bool:
    """Return whether the file has no bytes."""
    return path.stat().st_size == 0


def _has_mark(path: Path) -> bool:
    # A connection would change the file: SQLite rolls back what its writer left unfinished.
    with path.open("rb") as file:
        header = file.read(_ID_AT + _ID_BYTES)
    return header.startswith(_SQLITE) and header[_ID_AT:] == APPLICATION_ID.to_bytes(_ID_BYTES)


def _is_log(path: Path, settings: Settings) -> bool:
    log = path_of_url(settings.log) if settings.log.startswith("sqlite:") else None
    return log is not None and log.exists() and path.exists() and path.samefile(log)


def _error(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(f"NEWSLOOM_PAGE_FILE={path}: {reason}")
