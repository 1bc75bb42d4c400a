"""Measure how many records the services still have to process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Final

from newsloom.contracts.pipeline import SERVICES, ServiceDefinition
from newsloom.log import open_log
from newsloom.log_names import group_name, topic_names
from newsloom.settings import Settings
from newsloom.streaming.errors import LogUnavailable
from newsloom.streaming.log import Admin

CHECK_INTERVAL_S: Final = 0.25
UNAVAILABLE_MAX_S: Final = 60.0
"""How long a run with `until_drained` waits for a log that is unavailable."""

Backlog = Mapping[str, int]
"""Records that each service, by name, has still to process. Upper bounds until they are 0."""


class BacklogMonitor:
    """Compute the services' backlogs from their groups' committed offsets."""

    def __init__(self, admin: Admin, settings: Settings) -> None:
        self._admin = admin
        self._settings = settings
        self._answered_at = time.monotonic()

    def backlog(self) -> Backlog | None:
        """Return the backlog; None while the log is unavailable, `LogUnavailable` after `UNAVAILABLE_MAX_S` of that."""
        try:
            # In pipeline order: a service without a backlog has already written everything the next one will be asked about.
            backlog = {service.name: self._backlog_of(service) for service in SERVICES}
        except LogUnavailable:
            if time.monotonic() - self._answered_at > UNAVAILABLE_MAX_S:
                raise
            return None
        self._answered_at = time.monotonic()
        return backlog

    def _backlog_of(self, service: ServiceDefinition) -> int:
        group = group_name(self._settings, service.name)
        return self._admin.backlog(group, topic_names(self._settings, service.consumes))


def wait_until_drained(
    settings: Settings,
    is_ingested: Callable[[], bool],
    stop: threading.Event,
    on_backlog: Callable[[Backlog], None] | None = None,
) -> bool:
    """Return True once the input is ingested and every record is processed, False once `stop` is set; raises `LogError`.

    `on_backlog` gets each backlog measured until then.
    """
    with closing(open_log(settings)) as log:
        monitor = BacklogMonitor(log.admin(), settings)
        while not stop.is_set():
            # Before the backlog: what is ingested after this check must not be missed.
            was_ingested = is_ingested()
            backlog = monitor.backlog()
            if backlog is not None:
                if on_backlog is not None:
                    on_backlog(backlog)
                if was_ingested and not any(backlog.values()):
                    return True
            stop.wait(CHECK_INTERVAL_S)
    return False
