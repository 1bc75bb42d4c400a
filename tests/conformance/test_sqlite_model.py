"""Compare the SQLite log with a model: any sequence of polls, commits, crashes and evictions copies each record once."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from newsloom.streaming.errors import CommitFailed, Fenced
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Batch, Message, Record
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import Member, put, read_all
from tests.conformance.harness import SESSION_TIMEOUT_MS, ManualClock

PARTITIONS = 3
INSTANCES = st.sampled_from("abc")


@dataclass
class Process:
    """One process of an instance, with the batches that it has polled and not committed."""

    member: Member
    open_batches: list[Batch] = field(default_factory=list)


class CopyMachine(RuleBasedStateMachine):
    """Up to three instances copy `in` to `out`. The model has the values and the committed offset of each partition."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.log = open_sqlite("sqlite://", clock=self.clock, session_timeout_ms=SESSION_TIMEOUT_MS)
        self.log.admin().create([TopicSpec(name, PARTITIONS, CleanupPolicy.DELETE) for name in ("in", "out")])
        self.written: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self.committed = [0] * PARTITIONS
        self.processes: dict[str, Process] = {}
        self.replaced: list[Process] = []

    @rule(partition=st.integers(0, PARTITIONS - 1), count=st.integers(1, 5))
    def write(self, partition: int, count: int) -> None:
        new = [b"%d/%d" % (partition, len(self.written[partition]) + i) for i in range(count)]
        put(self.log, [Message("in", None, value, partition=partition) for value in new])
        self.written[partition] += new

    @rule(instance=INSTANCES)
    def start(self, instance: str) -> None:
        if instance in self.processes:
            self.replaced.append(self.processes[instance])
        self.processes[instance] = Process(Member(self.log, "group", ["in"], instance))

    @precondition(lambda self: self.processes)
    @rule(data=st.data(), max_records=st.integers(1, 6))
    def poll(self, data: st.DataObject, max_records: int) -> None:
        process = self._choose(data)
        batch = process.member.poll(max_records, timeout_ms=0)
        for record in batch.records:
            assert self.written[record.partition][record.offset] == record.value
        process.open_batches.append(batch)

    @precondition(lambda self: any(process.open_batches for process in self.processes.values()))
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        process = self._choose(data)
        if not process.open_batches:
            return
        batch = process.open_batches.pop(data.draw(st.integers(0, len(process.open_batches) - 1)))
        try:
            process.member.worker.commit(batch, copies(batch.records))
        except CommitFailed:
            process.open_batches.clear()
            return
        for record in batch.records:
            assert record.offset == self.committed[record.partition], "a record was skipped or committed twice"
            self.committed[record.partition] += 1

    @precondition(lambda self: any(process.open_batches for process in self.replaced))
    @rule()
    def commit_as_a_replaced_process(self) -> None:
        process = next(process for process in self.replaced if process.open_batches)
        batch = process.open_batches.pop()
        with pytest.raises(Fenced):
            process.member.worker.commit(batch, copies(batch.records))

    @rule()
    def end_sessions(self) -> None:
        self.clock.advance(SESSION_TIMEOUT_MS)

    @invariant()
    def the_output_is_what_was_committed(self) -> None:
        assert self._output() == [values[:count] for values, count in zip(self.written, self.committed, strict=True)]
        left = sum(map(len, self.written)) - sum(self.committed)
        assert self.log.admin().backlog("group", ["in"]) == left

    def teardown(self) -> None:
        self.clock.advance(SESSION_TIMEOUT_MS)
        last = Member(self.log, "group", ["in"], "last")
        last.take(sum(map(len, self.written)) - sum(self.committed), lambda record: copies([record]))
        assert self._output() == self.written
        self.log.close()

    def _choose(self, data: st.DataObject) -> Process:
        return self.processes[data.draw(st.sampled_from(sorted(self.processes)))]

    def _output(self) -> list[list[bytes | None]]:
        records = read_all(self.log, "out", PARTITIONS)
        return [[record.value for record in records if record.partition == number] for number in range(PARTITIONS)]


def copies(records: list[Record] | tuple[Record, ...]) -> list[Message]:
    return [Message("out", record.key, record.value, partition=record.partition) for record in records]


TestCopyMachine = CopyMachine.TestCase
TestCopyMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
