"""How large what is published may become, so that a message stays under 64 KiB."""

from __future__ import annotations

import msgspec

YEAR_MIN = 1900
YEAR_MAX = 2200
"""No feed means another year. Far from where dates end: a window or a retention may be added to any of them."""


def json_size_bytes(text: str) -> int:
    """What the text takes as JSON in UTF-8, quotation marks included: up to six bytes a character."""
    return len(msgspec.json.encode(text))


def truncate(text: str, *, bytes_max: int) -> str:
    """The beginning of the text that takes at most `bytes_max` as JSON; where its characters differ in size, maybe less."""
    while (size := json_size_bytes(text)) > bytes_max:
        text = text[: len(text) * (bytes_max - 2) // (size - 2)]
    return text
