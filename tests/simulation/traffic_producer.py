"""The producer: writes each batch of the traffic once, in spite of faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from newsloom.streaming.log import Log, Progress, Writer
from newsloom.streaming.records import Message
from tests.simulation.traffic import Traffic

BATCH_MAX: Final = 4


@dataclass
class TrafficProducer:
    """The traffic source, which outlives the producer's processes. `is_due` returns whether more input is due now."""

    traffic: Traffic
    is_due: Callable[[], bool]
    is_over: Callable[[], bool]
    batch: list[Message] = field(default_factory=list)
    """The batch that is being written."""
    _batches: int = 0

    def run(self, log: Log, pause: Callable[[], None]) -> None:
        """Run one process: first write the unfinished batch, unless the log has it already; raise `LogError`."""
        writer = log.writer("producer")
        while self.batch or not self.is_over():
            if self.batch or self.is_due():
                self._write_next(writer)
            pause()

    def _write_next(self, writer: Writer) -> None:
        if not self.batch:
            self.batch = [self.traffic.next() for _ in range(self.traffic.rng.randint(1, BATCH_MAX))]
            self._batches += 1
        done = writer.progress()
        if done is None or done.position < self._batches:
            writer.write(self.batch, Progress(self._batches))
        self.batch = []
