"""The log's time: the latest time at which a process has written to the log, or has renewed a session in it.

Retention, compaction and the timestamps of records follow the clocks of the processes that write. A clock that is far ahead
would delete what is still needed, and move the clocks of editions. So a write far ahead of the log's time is refused until an
operator confirms the clock: the log cannot tell a wrong clock from a log that was not used for long.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Final

from newsloom.streaming.errors import ClockRefused
from newsloom.streaming.sqlite.corruption import Corruption

AHEAD_MAX_MS: Final = 7 * 86_400_000
"""Running services renew their sessions every ten seconds: only a log without one for so long needs a confirmation."""

_DAY_MS: Final = 86_400_000
_TIME: Final = "SELECT time_ms FROM clock"
_SET: Final = "UPDATE clock SET time_ms = ?"


def advance(sql: sqlite3.Connection, now_ms: int) -> int:
    """Move the log's time to `now_ms`, unless it is later already; return it.

    Raises:
        ClockRefused: `now_ms` is more than `AHEAD_MAX_MS` after the log's time.

    """
    time_ms = log_time_ms(sql)
    if time_ms and now_ms > time_ms + AHEAD_MAX_MS:
        raise ClockRefused(
            f"the clock of this machine reads {_utc(now_ms)}, {(now_ms - time_ms) // _DAY_MS} days after the log was last used "
            f"({_utc(time_ms)}): correct the clock, or, if it is right, confirm it with `newsloom topics confirm-clock`"
        )
    if now_ms <= time_ms:
        return time_ms
    set_time(sql, now_ms)
    return now_ms


def log_time_ms(sql: sqlite3.Connection) -> int:
    """Return the log's time in Unix milliseconds; 0 if nothing was written yet."""
    row = sql.execute(_TIME).fetchone()
    if row is None or not isinstance(row[0], int):
        raise Corruption("the log's time is missing")
    return row[0]


def set_time(sql: sqlite3.Connection, now_ms: int) -> None:
    """Set the log's time, forward or back."""
    sql.execute(_SET, (now_ms,))


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
