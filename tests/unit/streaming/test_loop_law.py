"""For any sequence of faults in a group of two members, every record is numbered once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.streaming import loop as loop_module
from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogUnavailable
from newsloom.streaming.log import Log, Worker
from newsloom.streaming.loop import Loop
from newsloom.streaming.records import Batch, Message
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import numbered, put
from tests.conformance.harness import SESSION_TIMEOUT_MS, ManualClock
from tests.unit.streaming.tally import GROUP, IN, Tally, create_topics
from tests.unit.streaming.test_loop import backlog, make_loop, numbers

PARTITIONS = 2
FAULTS = ("commit refused", "commit outcome unknown", "restore fails", "poll fails")
# Rounds are more frequent than faults: else no batch is in progress when a fault hits.
ACTIONS = st.one_of(
    st.just(("feed", "")),
    *[st.tuples(st.just("round"), st.sampled_from("ab"))] * 4,
    st.tuples(st.sampled_from(["crash", "expire sessions", *FAULTS]), st.sampled_from("ab")),
)


class FaultyWorker:
    """A worker on a real log that injects the pending faults, each once."""

    def __init__(self, worker: Worker, faults: set[str]) -> None:
        self._worker = worker
        self._faults = faults

    def poll(self, *, max_records: int, timeout_ms: int) -> Batch:
        if _take(self._faults, "poll fails"):
            raise LogUnavailable("away")
        return self._worker.poll(max_records=max_records, timeout_ms=timeout_ms)

    def commit(self, batch: Batch, messages: Sequence[Message]) -> None:
        if _take(self._faults, "commit refused"):
            # A missing partition: nothing is written, and the worker continues from the committed offsets.
            with suppress(ConfigurationError):
                self._worker.commit(batch, [Message(IN, None, None, partition=PARTITIONS)])
            raise CommitFailed("refused")
        self._worker.commit(batch, messages)
        if _take(self._faults, "commit outcome unknown"):
            raise CommitFailed("committed, but the outcome is unknown")

    def close(self) -> None:
        self._worker.close()


def _take(faults: set[str], what: str) -> bool:
    if what not in faults:
        return False
    faults.remove(what)
    return True


class FaultyTally(Tally):
    def __init__(self, log: Log, faults: set[str]) -> None:
        super().__init__(log)
        self._faults = faults

    def restore(self, partition: int) -> None:
        if _take(self._faults, "restore fails"):
            raise LogUnavailable("away")
        super().restore(partition)


class Group:
    """Two members, each started at its first round and again after a crash."""

    def __init__(self, log: Log, clock: ManualClock) -> None:
        self.log = log
        self.fed = 0
        self._clock = clock
        self._faults: dict[str, set[str]] = {"a": set(), "b": set()}
        self._loops: dict[str, Loop] = {}

    def do(self, action: str, name: str) -> None:
        if action == "feed":
            for partition in range(PARTITIONS):
                put(self.log, numbered(IN, 3, partition=partition), writer="feeder")
            self.fed += 3
        elif action == "round":
            self._run_round(name)
        elif action == "crash":
            self._loops.pop(name, None)
        elif action == "expire sessions":
            self._clock.advance(SESSION_TIMEOUT_MS)
        else:
            self._faults[name].add(action)

    def _run_round(self, name: str) -> None:
        if name not in self._loops:
            worker = FaultyWorker(self.log.worker(group=GROUP, instance=name, topics=[IN]), self._faults[name])
            step = FaultyTally(self.log, self._faults[name])
            self._loops[name] = make_loop(self.log, step, records_max=2, worker=worker)
        self._loops[name].run_once()


@given(st.lists(ACTIONS, max_size=40))
@settings(max_examples=60, deadline=None)
def test_every_record_is_numbered_once_after_any_faults(actions: list[tuple[str, str]]) -> None:
    clock = ManualClock()
    with pytest.MonkeyPatch.context() as patch, closing(_open(clock)) as log:
        # An empty poll need not wait: the other member does nothing meanwhile.
        patch.setattr(loop_module, "POLL_TIMEOUT_MS", 0)
        create_topics(log, partitions=PARTITIONS)
        group = Group(log, clock)
        for action, name in [("feed", ""), *actions]:
            group.do(action, name)
        for _ in range(200):
            if backlog(log) == 0:
                break
            for name in "ab":
                group.do("round", name)
        expected = list(range(1, group.fed + 1))
        assert [numbers(log, partition) for partition in range(PARTITIONS)] == [expected] * PARTITIONS


def _open(clock: ManualClock) -> Log:
    return open_sqlite("sqlite://", clock=clock, session_timeout_ms=SESSION_TIMEOUT_MS)
