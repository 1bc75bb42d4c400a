"""Log URLs as they may be shown."""

from __future__ import annotations


def redacted(url: str) -> str:
    """Return the URL without what precedes an @, which may contain a password."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.rpartition("@")[2]
