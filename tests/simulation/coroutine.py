"""Whole programs that run one at a time, each until it yields: what makes a simulation single-threaded.

A process of the simulation is the services' own code, deep in calls of its own when another one is to go on, so that it needs a
stack of its own. Python's generators have none; threads have, and as only the one runs that holds the baton (the others wait for
theirs), nothing depends on how an operating system shares out its time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Killed(BaseException):
    """Ends a coroutine as kill -9 ends a process: no code of the service's own may catch it."""


class Coroutine:
    """Runs `body` in pieces: from one `resume` to the `pause` that comes next, or to its end."""

    def __init__(self, body: Callable[[], None]) -> None:
        self.is_over = False
        self.error: BaseException | None = None
        """What the body has ended with, if not by itself."""
        self._body = body
        self._killed = False
        # Locks that one side acquires and the other releases: half the price of semaphores.
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Let the body go on until it pauses or ends. Called from outside."""
        self._go.release()
        self._back.acquire()
        if self.is_over:
            self._thread.join()

    def pause(self) -> None:
        """Let whoever has resumed the body go on. Called from within the body; raises `Killed` if it is not to go on."""
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def kill(self) -> None:
        """End the body where it stands."""
        self._killed = True
        while not self.is_over:
            self.resume()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._killed:
                self._body()
        except BaseException as error:  # noqa: BLE001 - whatever a process ends with is its supervisor's business
            self.error = error
        self.is_over = True
        self._back.release()
