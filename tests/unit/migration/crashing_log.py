"""A log on which a process dies: at a write of a writer or a commit of a worker, before it or after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from newsloom.streaming.log import Admin, Log, Progress, Reader, Worker, Writer
from newsloom.streaming.records import Batch, Message, TopicPartition


class Interrupted(Exception):
    """The process dies here."""


class Fate:
    """Whether it dies now: at the write of that number, counted from 0. `writes` counts them."""

    def __init__(self, at: int | None, *, after: bool) -> None:
        self._at = at
        self._after = after
        self.writes = 0

    def before(self) -> None:
        if self.writes == self._at and not self._after:
            raise Interrupted

    def after(self) -> None:
        self.writes += 1
        if self.writes - 1 == self._at and self._after:
            raise Interrupted


class _DyingWriter:
    def __init__(self, writer: Writer, fate: Fate) -> None:
        self._writer = writer
        self._fate = fate

    def progress(self) -> Progress | None:
        return self._writer.progress()

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        self._fate.before()
        self._writer.write(messages, progress)
        self._fate.after()

    def close(self) -> None:
        self._writer.close()


class _DyingWorker:
    def __init__(self, worker: Worker, fate: Fate) -> None:
        self._worker = worker
        self._fate = fate

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        return self._worker.poll(max_records=max_records, timeout_ms=timeout_ms)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        self._fate.before()
        self._worker.commit(batch, messages)
        self._fate.after()

    def close(self) -> None:
        self._worker.close()


class DyingLog:
    """A log, until its process dies."""

    def __init__(self, log: Log, fate: Fate) -> None:
        self._log = log
        self._fate = fate

    def admin(self) -> Admin:
        return self._log.admin()

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> Worker:
        return _DyingWorker(self._log.worker(group=group, instance=instance, topics=topics), self._fate)

    def reader(self, partitions: Sequence[TopicPartition], *, start: Literal["earliest", "latest"]) -> Reader:
        return self._log.reader(partitions, start=start)

    def writer(self, name: str) -> Writer:
        return _DyingWriter(self._log.writer(name), self._fate)

    def close(self) -> None:
        self._log.close()
