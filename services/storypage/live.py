"""Hand each committed update to the readers that wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

from starlette.concurrency import run_in_threadpool

from services.storypage.positions import Positions
from services.storypage.read_model.model import PublishedUpdate

BUFFER_MAX: Final = 1_000
"""Updates that a reader may have missed. Beyond that it is told to load the page again."""

UpdatesAfter = Callable[[Positions, int], list[PublishedUpdate]]
"""Returns the updates at or after positions, at most a number of them, in order for each partition."""


class Reset(Exception):
    """The reader has missed more updates than it can be given."""


class LiveUpdates:
    """The latest updates. One thread publishes; the readers are coroutines of one event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: deque[PublishedUpdate] = deque(maxlen=BUFFER_MAX)
        self._published = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._ended = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wake the readers of this event loop from now on."""
        self._loop = loop

    def publish(self, updates: Sequence[PublishedUpdate]) -> None:
        """Hand out updates, after they are committed to the read model."""
        with self._lock:
            self._latest.extend(updates)
            self._published += len(updates)
        self._wake()

    def end(self) -> None:
        """End all streams: the process stops. Call it in the event loop's thread."""
        self._ended = True
        self._renew()

    async def follow(
        self, positions: Positions, updates_after: UpdatesAfter, *, seconds: float
    ) -> AsyncIterator[tuple[PublishedUpdate, dict[int, int]]]:
        """Yield each update at or after `positions` once, with the positions after it, until `end` or for this time.

        `updates_after` reads the read model: what was committed before this call. The rest is handed out as it is published.

        Raises:
            Reset: while iterating, if more than `BUFFER_MAX` updates were missed.

        """
        reached = dict(positions)
        deadline = asyncio.get_running_loop().time() + seconds
        with self._lock:
            next_number = self._published
        missed = await run_in_threadpool(updates_after, positions, BUFFER_MAX + 1)
        if len(missed) > BUFFER_MAX:
            raise Reset
        while True:
            for one in missed:
                # What was committed and not yet published at the start comes twice: from the read model and from here.
                if one.offset >= reached.get(one.partition, 0):
                    reached[one.partition] = one.offset + 1
                    yield one, dict(reached)
            changed = self._changed
            missed, next_number = self._take(next_number)
            if not missed:
                left_s = deadline - asyncio.get_running_loop().time()
                if self._ended or left_s <= 0:
                    return
                await _wait(changed, left_s)

    def _take(self, number: int) -> tuple[list[PublishedUpdate], int]:
        with self._lock:
            behind = self._published - number
            if behind > len(self._latest):
                raise Reset
            return list(self._latest)[len(self._latest) - behind :], self._published

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._renew)

    def _renew(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
