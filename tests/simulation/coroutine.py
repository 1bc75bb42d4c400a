"""Coroutines with a stack: programs that run one at a time, each until it pauses.

A process of the simulation runs the services' own code and may pause deep inside it, so it needs its own stack. Generators have
none, so each coroutine is a thread. Locks let only one thread run at a time: the operating system's scheduling has no effect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Killed(BaseException):
    """Ends a coroutine as kill -9 ends a process. A `BaseException`, so that the services' own code does not catch it."""


class Coroutine:
    """Runs `body` piece by piece: each `resume` continues it until its next `pause` or its end."""

    def __init__(self, body: Callable[[], None]) -> None:
        self.is_over = False
        self.error: BaseException | None = None
        """The exception that ended the body, if any."""
        self._body = body
        self._killed = False
        # One side acquires, the other releases. Locks take half the time of semaphores here.
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Continue the body until it pauses or ends. Called from outside."""
        self._go.release()
        self._back.acquire()
        if self.is_over:
            self._thread.join()

    def pause(self) -> None:
        """Return control to the caller of `resume`. Called from within the body; raise `Killed` if it was killed."""
        self._back.release()
        self._go.acquire()
        if self._killed:
            raise Killed

    def kill(self) -> None:
        """End the body at its current pause."""
        self._killed = True
        while not self.is_over:
            self.resume()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._killed:
                self._body()
        except BaseException as error:  # noqa: BLE001 - the simulation looks at whatever ends a process
            self.error = error
        self.is_over = True
        self._back.release()
