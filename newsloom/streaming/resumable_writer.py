"""A writer that survives failed commits: it asks the log what became of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from newsloom.streaming.errors import CommitFailed, Fenced, LogUnavailable
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message

RETRY_DELAYS_S: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


class ResumableWriter:
    """Writes each batch exactly once under one name, over failures and restarts of the process."""

    def __init__(self, log: Log, name: str) -> None:
        self._log = log
        self._name = name
        self._writer = log.writer(name)
        self._progress = self._writer.progress()

    @property
    def progress(self) -> Progress | None:
        """What the last committed `write` under this name recorded, by this process or one before."""
        return self._progress

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """Write all messages and the progress, once.

        Raises:
            Fenced: a newer writer of this name exists.
            CommitFailed, LogUnavailable: the log stayed away; whether this batch is in it, `progress` says next time.

        """
        try:
            self._writer.write(messages, progress)
        except (CommitFailed, LogUnavailable) as error:
            self._write_again(messages, progress, error)
        self._progress = progress

    def close(self) -> None:
        """Release the writer."""
        self._writer.close()

    def _write_again(
        self, messages: Sequence[Message], progress: Progress, error: CommitFailed | LogUnavailable
    ) -> None:
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
        # A new writer first ends what the old one left open: only then is the answer final.
        self._writer.close()
        self._writer = self._log.writer(self._name)
        found = self._writer.progress()
        if found not in (self._progress, progress):
            raise Fenced(f"another process has written as {self._name} meanwhile: two do the same work")
        return found == progress
