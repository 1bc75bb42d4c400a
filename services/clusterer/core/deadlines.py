"""Deadlines of stories: moments of event time or of arrival, or numbers of articles."""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Generic, TypeVar

Due = TypeVar("Due", datetime, int)


class Deadlines(Generic[Due]):
    """At most one deadline per story, returned in order of the deadlines, then of ids."""

    def __init__(self) -> None:
        self._due: dict[str, Due] = {}
        self._heap: list[tuple[Due, str]] = []

    def set(self, story_id: str, due: Due) -> None:
        """Set or replace the story's deadline."""
        if self._due.get(story_id) != due:
            self._due[story_id] = due
            heapq.heappush(self._heap, (due, story_id))

    def cancel(self, story_id: str) -> None:
        """Remove the story's deadline, if it has one."""
        self._due.pop(story_id, None)

    def pop_due(self, now: Due) -> tuple[Due, str] | None:
        """Remove and return the earliest deadline up to `now`, with its story; None if there is none."""
        while self._heap and self._heap[0][0] <= now:
            due, story_id = heapq.heappop(self._heap)
            # Skip heap entries that a later `set` or `cancel` has replaced.
            if self._due.get(story_id) == due:
                del self._due[story_id]
                return due, story_id
        return None
