"""Decide whether a service is ready to do its work."""

from __future__ import annotations

import math
from typing import Final

from newsloom.streaming.lag import Lag

BEHIND_S_MAX: Final = 60.0
"""A service is caught up if the oldest record that it has not polled arrived at most this long ago."""


class Readiness:
    """What a service needs to be ready. The loop sets the fields, the probes read them from other threads."""

    def __init__(self) -> None:
        self.lag = Lag()
        self.has_started = False
        """Whether the service has loaded what it needs, such as its model."""
        self.has_joined = False
        """Whether the group has assigned partitions to the service, possibly none."""
        self.unrestored = 0
        """Assigned partitions whose state is not restored."""
        self.is_log_available = True

    @property
    def obstacle(self) -> str:
        """Say why the service is not ready; empty if it is."""
        if not self.has_started:
            return "starting"
        if not self.is_log_available:
            return "the log is unavailable"
        if not self.has_joined:
            return "the group has not assigned partitions to it"
        if self.unrestored:
            return f"{self.unrestored} partitions are not restored"
        return self._backlog_obstacle

    @property
    def _backlog_obstacle(self) -> str:
        if math.isinf(self.lag.backlog_s):
            return "the log has not said how many records are left in each partition"
        if self.lag.backlog_s > BEHIND_S_MAX:
            return f"more than {BEHIND_S_MAX:.0f} s behind: records that are not processed: {self.lag.records:,}"
        return ""
