"""A writer that retries failed commits, after it has read from the log whether they were written."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from newsloom.streaming.errors import CommitFailed, Fenced, LogError, LogUnavailable
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message

RETRY_DELAYS_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


class ResumableWriter:
    """Writes each batch exactly once under one name, also across failures and restarts of the process.

    `progress_topic`: see `Log.writer`.
    """

    def __init__(self, log: Log, name: str, *, progress_topic: str = "") -> None:
        self._log = log
        self._name = name
        self._progress_topic = progress_topic
        self._writer = log.writer(name, progress_topic=progress_topic)
        self._progress = self._writer.progress()

    @property
    def progress(self) -> Progress | None:
        """The progress of the last committed `write` under this name, by this process or an earlier one."""
        return self._progress

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """Write all messages and the progress, exactly once.

        Raises:
            Fenced: a newer writer of this name exists.
            CommitFailed, LogUnavailable: all retries failed. `progress` of the next writer shows whether the batch was written.

        """
        try:
            self._writer.write(messages, progress)
        except (CommitFailed, LogUnavailable) as error:
            self._retry(messages, progress, error)
        self._progress = progress

    def discard(self) -> None:
        """Delete the progress of a name that nobody will write under again; do nothing if that fails."""
        with suppress(LogError):
            self._writer.discard()

    def close(self) -> None:
        """Close the writer."""
        self._writer.close()

    def _retry(self, messages: Sequence[Message], progress: Progress, error: CommitFailed | LogUnavailable) -> None:
        for delay_s in RETRY_DELAYS_S:
            time.sleep(delay_s)
            try:
                if not self._is_written(progress):
                    self._writer.write(messages, progress)
            except (CommitFailed, LogUnavailable) as again:
                error = again
            else:
                return
        raise error

    def _is_written(self, progress: Progress) -> bool:
        # Open a new writer first: that aborts the open transaction of the old one, and makes the answer final.
        self._writer.close()
        self._writer = self._log.writer(self._name, progress_topic=self._progress_topic)
        found = self._writer.progress()
        if found not in (self._progress, progress):
            raise Fenced(
                f"another process has written under the name {self._name} meanwhile: do not run two at the same time"
            )
        return found == progress
