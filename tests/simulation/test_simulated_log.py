"""What the simulated log has of a real broker beyond the port: open transactions, timeouts, generations, compaction."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Batch, Message, TopicPartition
from tests.conformance.clients import Member, numbered, put, read_all, values
from tests.simulation.broker import SESSION_TIMEOUT_MS, TRANSACTION_TIMEOUT_MS, Broker
from tests.simulation.compaction import compact
from tests.simulation.fault_points import AnswerLost, FaultFree, FaultPoint
from tests.simulation.log import SimulatedLog
from tests.simulation.worker import SimulatedWorker

IN, OUT = TopicPartition("in", 0), TopicPartition("out", 0)


class Hang(BaseException):
    """Makes a process hang at a point for ever."""


class OneFault(FaultFree):
    """Raises one error, at one point."""

    def __init__(self, broker: Broker, point: FaultPoint, fault: BaseException) -> None:
        super().__init__(broker)
        self._fault: tuple[FaultPoint, BaseException] | None = (point, fault)

    def reach(self, point: FaultPoint) -> None:
        if self._fault is not None and self._fault[0] is point:
            _, error = self._fault
            self._fault = None
            raise error


@pytest.fixture
def broker() -> Broker:
    broker = Broker()
    for source, policy in ((IN, CleanupPolicy.DELETE), (OUT, CleanupPolicy.COMPACT)):
        broker.create(TopicSpec(source.topic, 1, policy))
    put(SimulatedLog(broker), numbered(IN.topic, 3))
    return broker


@pytest.fixture
def log(broker: Broker) -> SimulatedLog:
    return SimulatedLog(broker)


def poll_all(
    broker: Broker, point: FaultPoint, fault: BaseException, instance: str = "a"
) -> tuple[SimulatedWorker, Batch]:
    """Return a worker with that fault, and a batch of all records."""
    member = Member(SimulatedLog(broker, OneFault(broker, point, fault)), "g", [IN.topic], instance)
    batch = member.batch()
    assert isinstance(member.worker, SimulatedWorker)
    return member.worker, batch


def outputs(batch: Batch, value: bytes) -> list[Message]:
    return [Message(OUT.topic, record.key, value) for record in batch.records]


def hang(broker: Broker, point: FaultPoint, value: bytes = b"left open") -> SimulatedWorker:
    worker, batch = poll_all(broker, point, Hang())
    with pytest.raises(Hang):
        worker.commit(batch, outputs(batch, value))
    return worker


def test_records_after_an_open_transaction_become_visible_when_it_ends(broker: Broker, log: SimulatedLog) -> None:
    hang(broker, FaultPoint.AFTER_OFFSETS)
    put(log, [Message(OUT.topic, b"k", b"behind")])
    reader = log.reader([OUT], start="earliest")
    assert reader.poll(max_records=10, timeout_ms=0) == []
    assert not reader.at_end()

    broker.advance_clock(TRANSACTION_TIMEOUT_MS)

    assert values(reader.poll(max_records=10, timeout_ms=0)) == [b"behind"]
    assert reader.at_end()


def test_a_successor_aborts_the_open_transaction(broker: Broker, log: SimulatedLog) -> None:
    hang(broker, FaultPoint.BEFORE_COMMIT)
    Member(log, "g", [IN.topic], "a").take(3, lambda record: [Message(OUT.topic, record.key, b"successor")])
    assert values(read_all(log, OUT.topic)) == [b"successor"] * 3


def test_a_commit_after_the_timeout_is_refused(broker: Broker, log: SimulatedLog) -> None:
    late = _Late(broker)
    worker = Member(SimulatedLog(broker, late), "g", [IN.topic], "a")
    batch = worker.batch()
    with pytest.raises(CommitFailed, match="timed out"):
        worker.worker.commit(batch, outputs(batch, b"late"))
    assert read_all(log, OUT.topic) == []
    assert len(worker.take(3)) == 3


class _Late(FaultFree):
    """Waits until the transaction has timed out, before the first commit."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._is_first = True

    def reach(self, point: FaultPoint) -> None:
        if point is FaultPoint.BEFORE_COMMIT and self._is_first:
            self._is_first = False
            self.wait(TRANSACTION_TIMEOUT_MS)


@pytest.mark.parametrize("point", [FaultPoint.BEFORE_PRODUCE, FaultPoint.AFTER_PRODUCE, FaultPoint.BEFORE_OFFSETS])
def test_a_commit_of_an_older_generation_is_refused(broker: Broker, log: SimulatedLog, point: FaultPoint) -> None:
    class Rebalanced(FaultFree):
        def reach(self, now: FaultPoint) -> None:
            if now is point:
                broker.group("g").rebalance()

    member = Member(SimulatedLog(broker, Rebalanced(broker)), "g", [IN.topic], "a")
    batch = member.batch()
    with pytest.raises(CommitFailed, match="older generation"):
        member.worker.commit(batch, outputs(batch, b"older"))
    assert read_all(log, OUT.topic) == []


def test_pending_offsets_are_waited_for(broker: Broker, log: SimulatedLog) -> None:
    hang(broker, FaultPoint.BEFORE_COMMIT)
    broker.advance_clock(SESSION_TIMEOUT_MS)
    successor = Member(log, "g", [IN.topic], "b")
    successor.poll_until(lambda: successor.owned == {IN})
    assert successor.poll(timeout_ms=0).records == ()
    broker.advance_clock(TRANSACTION_TIMEOUT_MS)
    assert len(successor.take(3)) == 3


@pytest.mark.parametrize(
    ("point", "fault", "committed"),
    [
        (FaultPoint.BEFORE_COMMIT, AnswerLost(), 3),
        (FaultPoint.BEFORE_COMMIT, CommitFailed("no answer"), 0),
        (FaultPoint.AFTER_PRODUCE, CommitFailed("refused"), 0),
    ],
)
def test_a_commit_of_unknown_outcome_is_decided_by_the_committed_offsets(
    broker: Broker, log: SimulatedLog, point: FaultPoint, fault: BaseException, committed: int
) -> None:
    worker, batch = poll_all(broker, point, fault)
    with pytest.raises(CommitFailed):
        worker.commit(batch, outputs(batch, b"v"))
    assert len(read_all(log, OUT.topic)) == committed
    assert len(worker.poll(max_records=10, timeout_ms=0).records) == 3 - committed


def test_a_poll_while_the_log_is_unavailable_moves_no_position(broker: Broker) -> None:
    worker = Member(
        SimulatedLog(broker, OneFault(broker, FaultPoint.POLL, LogUnavailable("away"))), "g", [IN.topic]
    ).worker
    with pytest.raises(LogUnavailable):
        worker.poll(max_records=10, timeout_ms=0)
    found = [worker.poll(max_records=10, timeout_ms=0) for _ in range(2)]
    assert [len(batch.records) for batch in found] == [0, 3]


def test_compaction_keeps_the_last_value_of_each_key(broker: Broker, log: SimulatedLog) -> None:
    for value in (b"1", b"2", b"3"):
        put(log, [Message(OUT.topic, b"k", value), Message(OUT.topic, value, value)])
    removed = compact(broker.partition(OUT))
    assert removed > 0
    assert sorted(values(read_all(log, OUT.topic)), key=str) == [b"1", b"2", b"3", b"3"]


def test_compaction_keeps_a_tombstone_while_a_reader_is_open(broker: Broker, log: SimulatedLog) -> None:
    put(log, [Message(OUT.topic, b"k", b"v")])
    reader = log.reader([OUT], start="earliest")
    put(log, [Message(OUT.topic, b"k", None)])
    compact(broker.partition(OUT))
    assert values(reader.poll(max_records=10, timeout_ms=0)) == [None]
    reader.close()
    compact(broker.partition(OUT))
    assert read_all(log, OUT.topic) == []


def test_compaction_ignores_open_transactions(broker: Broker, log: SimulatedLog) -> None:
    put(log, [Message(OUT.topic, b"k0", b"before")])
    hang(broker, FaultPoint.BEFORE_COMMIT)
    compact(broker.partition(OUT))
    broker.advance_clock(TRANSACTION_TIMEOUT_MS)
    assert values(read_all(log, OUT.topic)) == [b"before"]
