"""A log that simulates a crash of the process, before or after a write of a writer or a commit of a worker."""

from __future__ import annotations

from collections.abc import Sequence

from newsloom.streaming.log import Admin, Log, Progress, Reader, Start, Worker, Writer
from newsloom.streaming.records import Batch, Message, TopicPartition


class Crash(Exception):
    """The process crashes here."""


class CrashPoint:
    """Crash before or after the write number `at`, counted from 0; None: never. `writes` counts all writes."""

    def __init__(self, at: int | None, *, after: bool) -> None:
        self._at = at
        self._after = after
        self.writes = 0

    def before(self) -> None:
        if self.writes == self._at and not self._after:
            raise Crash

    def after(self) -> None:
        self.writes += 1
        if self.writes - 1 == self._at and self._after:
            raise Crash


class _CrashingWriter:
    def __init__(self, writer: Writer, crash_point: CrashPoint) -> None:
        self._writer = writer
        self._crash_point = crash_point

    def progress(self) -> Progress | None:
        return self._writer.progress()

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        self._crash_point.before()
        self._writer.write(messages, progress)
        self._crash_point.after()

    def discard(self) -> None:
        self._writer.discard()

    def close(self) -> None:
        self._writer.close()


class _CrashingWorker:
    def __init__(self, worker: Worker, crash_point: CrashPoint) -> None:
        self._worker = worker
        self._crash_point = crash_point

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        return self._worker.poll(max_records=max_records, timeout_ms=timeout_ms)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        self._crash_point.before()
        self._worker.commit(batch, messages)
        self._crash_point.after()

    def close(self) -> None:
        self._worker.close()


class CrashingLog:
    """Another log, with a crash at one of its writes."""

    def __init__(self, log: Log, crash_point: CrashPoint) -> None:
        self._log = log
        self._crash_point = crash_point

    def admin(self) -> Admin:
        return self._log.admin()

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> Worker:
        return _CrashingWorker(self._log.worker(group=group, instance=instance, topics=topics), self._crash_point)

    def reader(self, partitions: Sequence[TopicPartition], *, start: Start) -> Reader:
        return self._log.reader(partitions, start=start)

    def writer(self, name: str, *, progress_topic: str = "") -> Writer:
        return _CrashingWriter(self._log.writer(name, progress_topic=progress_topic), self._crash_point)

    def close(self) -> None:
        self._log.close()
