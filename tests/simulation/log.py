"""The `Log`, `Reader`, `Writer` and `Admin` of the log port on the simulated broker; each process opens its own log."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogUnavailable
from newsloom.streaming.log import Progress, Start, TopicSpec
from newsloom.streaming.reader_start import check_offsets
from newsloom.streaming.records import Message, Record, TopicPartition
from tests.simulation.broker import Broker
from tests.simulation.fault_points import FaultFree, FaultPoint, Runtime
from tests.simulation.transactional_producer import TransactionalProducer
from tests.simulation.worker import SLICE_MS, SimulatedWorker

_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}")


class SimulatedReader:
    """The port's `Reader`. Its end includes open transactions: it waits until they end."""

    def __init__(
        self,
        broker: Broker,
        runtime: Runtime,
        partitions: Sequence[TopicPartition],
        *,
        start: Start,
    ) -> None:
        self._broker = broker
        self._runtime = runtime
        self._partitions = {source: broker.partition(source) for source in sorted(set(partitions))}
        runtime.reach(FaultPoint.OPEN_READER)
        self._ends = {source: partition.end for source, partition in self._partitions.items()}
        if start == "latest":
            self._ends = {source: partition.stable_end() for source, partition in self._partitions.items()}
        self._starts = dict(self._ends) if start == "latest" else dict.fromkeys(self._partitions, 0)
        if isinstance(start, Mapping):
            check_offsets(start, self._ends)
            self._starts = {source: start[source] for source in self._partitions}
        self._positions = dict(self._starts)
        for partition in self._partitions.values():
            partition.readers += 1

    def poll(self, *, max_records: int, timeout_ms: int) -> list[Record]:
        """See the port."""
        was_at_end = self.at_end()
        deadline_ms = self._broker.now_ms + timeout_ms
        while True:
            self._runtime.reach(FaultPoint.READ)
            records = self._fetch(self._runtime.fetch_size(max_records))
            left_ms = deadline_ms - self._broker.now_ms
            if records or left_ms <= 0 or (self.at_end() and not was_at_end):
                return records
            self._runtime.wait(min(left_ms, SLICE_MS))

    def at_end(self) -> bool:
        """See the port."""
        return all(self._positions[source] >= end for source, end in self._ends.items())

    def fraction_read(self) -> float:
        """See the port."""
        total = sum(end - self._starts[source] for source, end in self._ends.items())
        left = sum(max(0, end - self._positions[source]) for source, end in self._ends.items())
        return 1.0 - left / total if total else 1.0

    def close(self) -> None:
        """See the port."""
        for partition in self._partitions.values():
            partition.readers -= 1
        self._partitions = {}

    def _fetch(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        for source, partition in self._partitions.items():
            stable_end = partition.stable_end()
            for record in partition.committed(self._positions[source], stable_end):
                if len(records) == max_records:
                    return records
                records.append(record)
                self._positions[source] = record.offset + 1
            # The entries left up to there are markers and records of aborted transactions.
            self._positions[source] = max(self._positions[source], stable_end)
        return records


class SimulatedWriter:
    """The port's `Writer`."""

    def __init__(self, broker: Broker, runtime: Runtime, name: str) -> None:
        runtime.reach(FaultPoint.JOIN)
        self._transactions = TransactionalProducer(broker, runtime, f"writer-{name}")

    def progress(self) -> Progress | None:
        """See the port."""
        return self._transactions.progress()

    def write(self, messages: Sequence[Message], progress: Progress) -> None:
        """See the port. After an error, a new writer must be opened."""
        try:
            self._transactions.run(messages, progress=progress)
        except LogUnavailable as error:
            raise CommitFailed(str(error)) from error

    def discard(self) -> None:
        """See the port."""
        self._transactions.discard_progress()

    def close(self) -> None:
        """See the port."""


class SimulatedAdmin:
    """The port's `Admin`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def describe(self, names: Sequence[str]) -> dict[str, TopicSpec]:
        """See the port."""
        return {name: self._broker.topics[name] for name in names if name in self._broker.topics}

    def create(self, specs: Sequence[TopicSpec]) -> None:
        """See the port."""
        for spec in specs:
            if not _NAME.fullmatch(spec.name) or spec.name in {".", ".."} or spec.partitions < 1:
                raise ConfigurationError(f"topic {spec.name!r} with {spec.partitions} partitions is not valid")
        for spec in specs:
            self._broker.create(spec)

    def backlog(self, group: str, topics: Sequence[str]) -> int:
        """See the port. Records of open transactions count, as they may still be committed."""
        committed, total = self._broker.group(group).committed, 0
        for source in self._broker.topic_partitions(topics):
            partition, start = self._broker.partition(source), committed.get(source, 0)
            total += sum(1 for _ in partition.committed(start, partition.end))
            total += sum(entry.transaction in partition.opened for entry in partition.entries if entry.offset >= start)
        return total

    def start_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See the port."""
        return dict.fromkeys(self._broker.topic_partitions(topics), 0)

    def confirm_clock(self) -> None:
        """Do nothing: all processes have the simulated clock."""

    def end_offsets(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See the port."""
        return {source: self._broker.partition(source).end for source in self._broker.topic_partitions(topics)}

    def committed_offsets(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """See the port."""
        committed = self._broker.group(group).committed
        return {source: committed[source] for source in self._broker.topic_partitions(topics) if source in committed}

    def check_rights(self, *, read: Sequence[str] = (), write: Sequence[str] = ()) -> None:
        """See the port. There are no rights here."""


class SimulatedLog:
    """The port's `Log`, as opened by one process."""

    def __init__(self, broker: Broker, runtime: Runtime | None = None) -> None:
        self._broker = broker
        self._runtime = runtime or FaultFree(broker)

    def admin(self) -> SimulatedAdmin:
        """See the port."""
        return SimulatedAdmin(self._broker)

    def worker(self, *, group: str, instance: str, topics: Sequence[str]) -> SimulatedWorker:
        """See the port."""
        return SimulatedWorker(self._broker, self._runtime, group=group, instance=instance, topics=topics)

    def reader(self, partitions: Sequence[TopicPartition], *, start: Start) -> SimulatedReader:
        """See the port."""
        return SimulatedReader(self._broker, self._runtime, partitions, start=start)

    def writer(self, name: str, *, progress_topic: str = "") -> SimulatedWriter:  # noqa: ARG002 - progress has no topic here
        """See the port."""
        return SimulatedWriter(self._broker, self._runtime, name)

    def close(self) -> None:
        """See the port."""
