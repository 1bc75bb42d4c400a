"""Open the log that a URL names."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.log_url import redacted

FORMS = "sqlite:///path/to/file.db, sqlite:// (in memory) or kafka://host:9092[,host:9092]"


def open_log_url(url: str, *, kafka_options: Mapping[str, str] | None = None, create: bool = True) -> Log:
    """Open the log at `url`. `kafka_options` are client settings of kafka-python (security, timeouts) as text.

    With `create`, a missing file becomes an empty log; without, it is an error, since the path may be mistyped.

    Raises:
        ConfigurationError: an unknown scheme, a file that does not exist or cannot be opened, an unknown client setting.
        LogUnavailable: no broker answers, or another process has locked the file.

    """
    scheme = urlsplit(url).scheme
    # Imported here: an installation on SQLite does not load kafka-python.
    if scheme == "sqlite":
        from newsloom.streaming.sqlite import open_sqlite  # noqa: PLC0415

        return open_sqlite(url, create=create)
    if scheme == "kafka":
        from newsloom.streaming.kafka import open_kafka  # noqa: PLC0415

        return open_kafka(url, kafka_options or {})
    raise ConfigurationError(f"NEWSLOOM_LOG={redacted(url)!r} is not a log: use {FORMS}")
