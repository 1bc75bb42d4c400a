"""Input the engine cannot work with."""

from __future__ import annotations


class UnusableEvent(ValueError):
    """An event that cannot be compared with others; the message names the field. Raised before anything has changed."""
