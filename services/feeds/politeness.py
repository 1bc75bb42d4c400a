"""When a feed may be asked again. No I/O, no clock.

RFC 9110, 10.2.3 (Retry-After) and RFC 9111, 5.2.2.1 (max-age).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

DAY_S: Final = 86_400
BACKOFF_S_MAX: Final = DAY_S
FRESH_S_MAX: Final = DAY_S
"""A document said to be fresh for longer is asked for once a day: servers write a year for files that do change."""
RETRY_S_MAX: Final = 365 * DAY_S

_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,12})\"?", re.IGNORECASE)


def next_after_success(now: float, *, interval_s: int, fresh_s: int) -> int:
    """Return the time of the next request after an answer that stays fresh for `fresh_s`."""
    return math.ceil(now) + max(interval_s, min(fresh_s, FRESH_S_MAX))


def next_after_failure(now: float, *, interval_s: int, failures: int, retry_after_s: int) -> int:
    """Return the time of the next request after `failures` in a row: twice as long each time, never before `retry_after_s`."""
    backoff_s: int = min(interval_s * 2 ** min(failures - 1, 20), max(BACKOFF_S_MAX, interval_s))
    return math.ceil(now) + max(backoff_s, retry_after_s)


def max_age_s(headers: Mapping[str, str]) -> int:
    """Return the seconds for which the answer stays fresh, without the time it spent in caches; 0 if it does not say."""
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    age = headers.get("age", "")
    spent_s = int(age) if age.isascii() and age.isdigit() else 0
    return max(0, int(found[1]) - spent_s) if found else 0


def retry_after_s(headers: Mapping[str, str], now: float) -> int:
    """Return the seconds in Retry-After, written as a number or a date; 0 if there is none that can be read."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]), RETRY_S_MAX)
    try:
        return max(0, min(int(parsedate_to_datetime(text).timestamp() - now) + 1, RETRY_S_MAX))
    except (TypeError, ValueError, OverflowError):
        return 0
