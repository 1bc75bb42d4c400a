"""Apache Kafka as the conformance suite needs a log."""

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

QUICK: Final = {
    "session_timeout_ms": "2000",
    "heartbeat_interval_ms": "400",
    "max_poll_interval_ms": "4000",
}
"""A member that does not poll for 4 s is out of its group 2 s later."""


END_S_MAX: Final = 30.0
"""Within this time everyone who is misled is to know."""

NewLog = Callable[..., Log]
"""Opens a log with these client settings."""


@contextmanager
def log_opener(url: str, **settings: str) -> Iterator[NewLog]:
    """What opens logs at `url`, each as another process would; at the end all of them are closed."""
    opened: list[Log] = []

    def open_log(**options: str) -> Log:
        opened.append(open_kafka(url, {**QUICK, "max_poll_interval_ms": "60000", **settings, **options}))
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


@dataclass
class KafkaHarness:
    """Logs on a broker that many tests share."""

    url: str
    opened: list[Log] = field(default_factory=list)

    def open(self) -> Log:
        """The log as another process would open it."""
        log = open_kafka(self.url, QUICK)
        self.opened.append(log)
        return log

    def end_sessions(self) -> None:
        """Nothing: time passes by itself while the test polls the other members."""

    def now_s(self) -> float:
        """On this machine's clock."""
        return time.monotonic()

    def close(self) -> None:
        """Close what was opened."""
        for log in self.opened:
            log.close()


def opening_error(url: str, options: dict[str, str]) -> LogError:
    """How opening ends; fails if it takes too long or says too little."""
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
