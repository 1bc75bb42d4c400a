"""Let one `newsloom run` at a time be an instance of an installation on SQLite."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.sqlite.log import path_of_url


@contextmanager
def lock_instance(settings: Settings) -> Iterator[None]:
    """Lock a file beside the log while entered: services of one instance would take each other's place again and again.

    Raises:
        ConfigurationError: another run has locked it.

    """
    log = path_of_url(settings.log) if settings.log.startswith("sqlite:") else None
    if log is None:
        yield
        return
    with log.with_name(f"{log.name}.{settings.topic_prefix}{settings.instance}.run-lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"another `newsloom run` is using NEWSLOOM_LOG={settings.log}: stop it, or name another log"
            ) from error
        yield
