"""Apache Kafka for the conformance suite."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from newsloom.streaming.errors import ConfigurationError, LogError, LogUnavailable
from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.log import Log

SHORT_TIMEOUTS: Final = {
    "session_timeout_ms": "2000",
    "heartbeat_interval_ms": "400",
    "max_poll_interval_ms": "4000",
}
"""A member that does not poll for 4 s is evicted from its group 2 s later."""

END_S_MAX: Final = 30.0
"""Time limit for reporting a connection or authorization problem."""

NewLog = Callable[..., Log]
"""Opens a log with client settings given as keywords."""


@contextmanager
def log_opener(url: str, **settings: str) -> Iterator[NewLog]:
    """Yield a function that opens logs at `url`, each like another process; close all of them at the end."""
    opened: list[Log] = []

    def open_log(**options: str) -> Log:
        opened.append(open_kafka(url, {**SHORT_TIMEOUTS, "max_poll_interval_ms": "60000", **settings, **options}))
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


@dataclass
class KafkaHarness:
    """Opens logs on a broker that many tests share."""

    url: str
    opened: list[Log] = field(default_factory=list)

    def open(self) -> Log:
        """Open the log like another process."""
        log = open_kafka(self.url, SHORT_TIMEOUTS)
        self.opened.append(log)
        return log

    def end_sessions(self) -> None:
        """Do nothing: sessions end by themselves while the test polls the other members."""

    def now_s(self) -> float:
        """Return the time of the monotonic clock in seconds."""
        return time.monotonic()

    def close(self) -> None:
        """Close all opened logs."""
        for log in self.opened:
            log.close()


def opening_error(url: str, options: dict[str, str]) -> LogError:
    """Return the error of opening the log; fail if it takes too long or does not give the URL in one line."""
    began = time.monotonic()
    with pytest.raises((ConfigurationError, LogUnavailable)) as caught:
        open_kafka(url, options)
    assert time.monotonic() - began < END_S_MAX
    text = str(caught.value)
    assert f"NEWSLOOM_LOG={url}" in text
    assert "\n" not in text
    error = caught.value
    assert isinstance(error, LogError)
    return error
