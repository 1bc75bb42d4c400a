"""What falls due when, in event time."""

from __future__ import annotations

import heapq
from datetime import datetime


class Deadlines:
    """One deadline for each story, taken in order of time, then id."""

    def __init__(self) -> None:
        self._due: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []

    def set(self, story_id: str, due: datetime) -> None:
        """Give a story its deadline, or another one."""
        if self._due.get(story_id) != due:
            self._due[story_id] = due
            heapq.heappush(self._heap, (due, story_id))

    def clear(self, story_id: str) -> None:
        """Take the story's deadline away."""
        self._due.pop(story_id, None)

    def take(self, now: datetime) -> tuple[datetime, str] | None:
        """The earliest deadline that has come by `now`, which is then no more."""
        while self._heap and self._heap[0][0] <= now:
            due, story_id = heapq.heappop(self._heap)
            # An entry that disagrees has been overtaken by a later `set` or `clear`.
            if self._due.get(story_id) == due:
                del self._due[story_id]
                return due, story_id
        return None
