"""Filter what kafka-python logs for the adapter's own clients. Other clients in the process log as usual."""

from __future__ import annotations

import logging
import re
import threading
from traceback import walk_stack
from typing import Final

from newsloom.streaming.kafka.network_client import NetworkClient

_LIBRARY: Final = logging.getLogger("kafka")
_FAILED: Final = re.compile(
    r"(?:Bootstrap (?:connection|attempt) to \S+|Connection) failed: (?P<cause>.*?)(?: \(backoff [\d.]+ secs\))?$"
)
_VAGUE: Final = ("Timed", "socket disconnected")


class ClientLogFilter(logging.Filter):
    """Drops the log lines of the adapter's clients and remembers why their connections failed.

    A broker that restarts causes hundreds of lines, all of them errors. If the application has set a level for the logger
    `kafka`, lines above `DEBUG` pass. `DEBUG` lines never do: they contain settings and requests, including passwords.
    kafka-python reports the cause of a failed connection only in its log, one line per attempt.
    """

    def __init__(self) -> None:
        super().__init__()
        self._causes: dict[str, None] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line may be logged; remember the cause it gives, if any."""
        if not _is_from_adapter():
            return True
        if record.levelno >= logging.WARNING and (match := _FAILED.match(" ".join(record.getMessage().split()))):
            self._causes[match["cause"]] = None
        return record.levelno > logging.DEBUG and _LIBRARY.level != logging.NOTSET

    def clear(self) -> None:
        """Forget the causes."""
        self._causes.clear()

    def causes(self) -> str:
        """Return the causes, each once. Vague ones are left out if others exist: the last attempt always times out."""
        causes = list(self._causes)
        return "; ".join([cause for cause in causes if not any(vague in cause for vague in _VAGUE)] or causes[:1])


CLIENT_LOG_FILTER: Final = ClientLogFilter()


def install_filter() -> None:
    """Attach the filter to every logger of kafka-python; a logger's filters do not apply to its children."""
    for name in ["kafka", *(name for name in logging.root.manager.loggerDict if name.startswith("kafka."))]:
        logging.getLogger(name).addFilter(CLIENT_LOG_FILTER)


def _is_from_adapter() -> bool:
    """Return whether the line comes from a call out of this package or from a thread of one of its clients."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in walk_stack(None))
    called = any(name.startswith(f"{__package__}.") and name != __name__ for name in modules)
    # A producer's thread runs library code only, but holds our network client.
    return called or isinstance(getattr(threading.current_thread(), "_client", None), NetworkClient)
