"""Open the log in the settings."""

from __future__ import annotations

from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url


def open_log(settings: Settings, *, create: bool = False) -> Log:
    """Open the log of `settings.log` with its Kafka options; with `create`, make a missing SQLite file.

    Raises:
        ConfigurationError: the URL, a client setting or the file is wrong.
        LogUnavailable: no broker answers.

    """
    return open_log_url(settings.log, kafka_options=settings.kafka, create=create)
