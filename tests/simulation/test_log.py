"""What the simulated log has of a real broker beyond the port: open transactions, time-outs, generations, compaction."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import CleanupPolicy, TopicSpec
from newsloom.streaming.records import Batch, Message, TopicPartition
from tests.conformance.driving import Member, numbered, put, read_all, values
from tests.simulation.broker import SESSION_TIMEOUT_MS, TRANSACTION_TIMEOUT_MS, Broker
from tests.simulation.compaction import compact
from tests.simulation.log import SimulatedLog
from tests.simulation.moments import AnswerLost, Moment, Peace
from tests.simulation.worker import SimulatedWorker

IN, OUT = TopicPartition("in", 0), TopicPartition("out", 0)


class Stops(BaseException):
    """The process stands still at a moment, for ever."""


class Hands(Peace):
    """One fault, at one moment."""

    def __init__(self, broker: Broker, moment: Moment, fault: BaseException) -> None:
        super().__init__(broker)
        self._fault: tuple[Moment, BaseException] | None = (moment, fault)

    def at(self, moment: Moment) -> None:
        if self._fault is not None and self._fault[0] is moment:
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


def polled(broker: Broker, moment: Moment, fault: BaseException, instance: str = "a") -> tuple[SimulatedWorker, Batch]:
    """A worker in such hands, with all records polled."""
    member = Member(SimulatedLog(broker, Hands(broker, moment, fault)), "g", [IN.topic], instance)
    batch = member.batch()
    assert isinstance(member.worker, SimulatedWorker)
    return member.worker, batch


def outputs(batch: Batch, value: bytes) -> list[Message]:
    return [Message(OUT.topic, record.key, value) for record in batch.records]


def stop(broker: Broker, moment: Moment, value: bytes = b"left open") -> SimulatedWorker:
    worker, batch = polled(broker, moment, Stops())
    with pytest.raises(Stops):
        worker.commit(batch, outputs(batch, value))
    return worker


def test_what_stands_behind_an_open_transaction_is_seen_once_it_has_ended(broker: Broker, log: SimulatedLog) -> None:
    stop(broker, Moment.AFTER_OFFSETS)
    put(log, [Message(OUT.topic, b"k", b"behind")])
    reader = log.reader([OUT], start="earliest")
    assert reader.poll(max_records=10, timeout_ms=0) == []
    assert not reader.at_end()

    broker.pass_time(TRANSACTION_TIMEOUT_MS)

    assert values(reader.poll(max_records=10, timeout_ms=0)) == [b"behind"]
    assert reader.at_end()


def test_a_successor_ends_what_was_left_open(broker: Broker, log: SimulatedLog) -> None:
    stop(broker, Moment.BEFORE_COMMIT)
    Member(log, "g", [IN.topic], "a").take(3, lambda record: [Message(OUT.topic, record.key, b"successor")])
    assert values(read_all(log, OUT.topic)) == [b"successor"] * 3


def test_a_commit_that_comes_after_the_time_out_is_refused(broker: Broker, log: SimulatedLog) -> None:
    late = _Late(broker)
    worker = Member(SimulatedLog(broker, late), "g", [IN.topic], "a")
    batch = worker.batch()
    with pytest.raises(CommitFailed, match="timed out"):
        worker.worker.commit(batch, outputs(batch, b"late"))
    assert read_all(log, OUT.topic) == []
    assert len(worker.take(3)) == 3


class _Late(Peace):
    """Each commit waits for too long."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._is_first = True

    def at(self, moment: Moment) -> None:
        if moment is Moment.BEFORE_COMMIT and self._is_first:
            self._is_first = False
            self.wait(TRANSACTION_TIMEOUT_MS)


@pytest.mark.parametrize("moment", [Moment.BEFORE_PRODUCE, Moment.AFTER_PRODUCE, Moment.BEFORE_OFFSETS])
def test_a_commit_of_an_older_generation_is_refused(broker: Broker, log: SimulatedLog, moment: Moment) -> None:
    class Rebalanced(Peace):
        def at(self, now: Moment) -> None:
            if now is moment:
                broker.group("g").rebalance()

    member = Member(SimulatedLog(broker, Rebalanced(broker)), "g", [IN.topic], "a")
    batch = member.batch()
    with pytest.raises(CommitFailed, match="older generation"):
        member.worker.commit(batch, outputs(batch, b"older"))
    assert read_all(log, OUT.topic) == []


def test_offsets_about_to_be_committed_are_waited_for(broker: Broker, log: SimulatedLog) -> None:
    stop(broker, Moment.BEFORE_COMMIT)
    broker.pass_time(SESSION_TIMEOUT_MS)
    heir = Member(log, "g", [IN.topic], "b")
    heir.poll_until(lambda: heir.owned == {IN})
    assert heir.poll(timeout_ms=0).records == ()
    broker.pass_time(TRANSACTION_TIMEOUT_MS)
    assert len(heir.take(3)) == 3


@pytest.mark.parametrize(
    ("moment", "fault", "committed"),
    [
        (Moment.BEFORE_COMMIT, AnswerLost(), 3),
        (Moment.BEFORE_COMMIT, CommitFailed("no answer"), 0),
        (Moment.AFTER_PRODUCE, CommitFailed("refused"), 0),
    ],
)
def test_the_committed_offsets_know_what_the_client_does_not(
    broker: Broker, log: SimulatedLog, moment: Moment, fault: BaseException, committed: int
) -> None:
    worker, batch = polled(broker, moment, fault)
    with pytest.raises(CommitFailed):
        worker.commit(batch, outputs(batch, b"v"))
    assert len(read_all(log, OUT.topic)) == committed
    assert len(worker.poll(max_records=10, timeout_ms=0).records) == 3 - committed


def test_a_log_that_is_away_has_moved_nothing(broker: Broker) -> None:
    worker = Member(SimulatedLog(broker, Hands(broker, Moment.POLL, LogUnavailable("away"))), "g", [IN.topic]).worker
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


def test_a_tombstone_stays_for_those_who_are_reading(broker: Broker, log: SimulatedLog) -> None:
    put(log, [Message(OUT.topic, b"k", b"v")])
    reader = log.reader([OUT], start="earliest")
    put(log, [Message(OUT.topic, b"k", None)])
    compact(broker.partition(OUT))
    assert values(reader.poll(max_records=10, timeout_ms=0)) == [None]
    reader.close()
    compact(broker.partition(OUT))
    assert read_all(log, OUT.topic) == []


def test_compaction_leaves_alone_what_is_not_settled(broker: Broker, log: SimulatedLog) -> None:
    put(log, [Message(OUT.topic, b"k0", b"before")])
    stop(broker, Moment.BEFORE_COMMIT)
    compact(broker.partition(OUT))
    broker.pass_time(TRANSACTION_TIMEOUT_MS)
    assert values(read_all(log, OUT.topic)) == [b"before"]
