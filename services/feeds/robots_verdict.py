"""What a robots.txt says of one URL."""

from __future__ import annotations

from typing import Final

import msgspec

AGENT: Final = "newsloom"
"""The name by which a robots.txt addresses this program."""


class RobotsVerdict(msgspec.Struct, frozen=True, array_like=True):
    """Whether the URL may be fetched, and the seconds to leave between two requests (Crawl-delay; 0 if it does not say)."""

    allowed: bool
    pause_s: float
