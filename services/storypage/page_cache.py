"""Keep rendered pages that many readers ask for, as long as they are what would be rendered now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

PAGES_MAX: Final = 200

Stamp = tuple[int, int]
"""The generation of the read model, and the minute: pages say how long ago something was."""


class PageCache:
    """Pages by address, each with the stamp under which it was rendered. Threads may share it."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[Stamp, bytes]] = {}

    def get(self, address: str, stamp: Stamp, render: Callable[[], bytes]) -> bytes:
        """Return the page; render it if there is none with this stamp."""
        found = self._pages.get(address)
        if found is not None and found[0] == stamp:
            return found[1]
        if len(self._pages) >= PAGES_MAX:
            self._pages.clear()
        body = render()
        self._pages[address] = (stamp, body)
        return body
