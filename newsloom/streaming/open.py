"""From a URL to a log."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.log_url import redacted

FORMS = "sqlite:///path/to/file.db, sqlite:// (in memory) or kafka://host:9092[,host:9092]"


def open_log_url(url: str, *, kafka_options: Mapping[str, str] | None = None, create: bool = True) -> Log:
    """The log at `url`. `kafka_options` are kafka-python client settings (security, timeouts) as text.

    Without `create` a file must exist: who reads a path that was mistyped is to be told so.

    Raises:
        ConfigurationError: an unknown scheme, a file that is not there or cannot be opened, a setting the client does not know.
        LogUnavailable: no broker answers.

    """
    scheme = urlsplit(url).scheme
    # Imported here so that a log that is not used need not be installed or loaded.
    if scheme == "sqlite":
        from newsloom.streaming.sqlite import open_sqlite  # noqa: PLC0415

        return open_sqlite(url, create=create)
    if scheme == "kafka":
        from newsloom.streaming.kafka import open_kafka  # noqa: PLC0415

        return open_kafka(url, kafka_options or {})
    raise ConfigurationError(f"NEWSLOOM_LOG={redacted(url)!r} is not a log: use {FORMS}")
