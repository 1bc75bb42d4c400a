"""The error of events that cannot be used."""

from __future__ import annotations


class UnusableEvent(ValueError):
    """An event that the engine cannot use. The message says why; nothing has changed."""
