"""Run a task beside the main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class TaskThread(threading.Thread, Generic[T]):
    """Run `task` in a thread. `result` is None until the task has ended. The main thread calls `check`."""

    def __init__(self, name: str, task: Callable[[], T]) -> None:
        # A daemon: a thread that waits for a silent pipe or a log that is away cannot be stopped.
        super().__init__(name=name, daemon=True)
        self.result: T | None = None
        self._task = task
        self._error: Exception | None = None

    def run(self) -> None:
        """Run the task; keep its result or its error."""
        try:
            self.result = self._task()
        except Exception as error:  # noqa: BLE001 - `check` raises it again in the main thread
            self._error = error

    def check(self) -> None:
        """Raise the task's error if it has failed."""
        if self._error is not None:
            raise self._error
