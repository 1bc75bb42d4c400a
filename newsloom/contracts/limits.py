"""Limits of published values, which keep every message under 64 KiB."""

from __future__ import annotations

from datetime import datetime

import msgspec

YEAR_MIN = 1900
YEAR_MAX = 2200
"""The years that a feed may use. They leave room for adding a window or a retention time to any date."""
RECORD_YEAR_MIN = 2000
"""Records are younger. An earlier timestamp is a mistake of its producer, for instance seconds instead of milliseconds."""


def is_before_record(published_at: datetime, record_time: datetime) -> bool:
    """Return whether an article can have this date, if its record has this timestamp. A wrong timestamp proves nothing."""
    return published_at <= record_time or (record_time.year < RECORD_YEAR_MIN and published_at.year < YEAR_MAX)


def json_size_bytes(text: str) -> int:
    """Return the size of the text as JSON in UTF-8, with its quotation marks: up to six bytes per character."""
    return len(msgspec.json.encode(text))


def truncate(text: str, *, bytes_max: int) -> str:
    """Truncate the text to at most `bytes_max` bytes as JSON, or to fewer if its characters differ in size."""
    while (size := json_size_bytes(text)) > bytes_max:
        text = text[: len(text) * (bytes_max - 2) // (size - 2)]
    return text
