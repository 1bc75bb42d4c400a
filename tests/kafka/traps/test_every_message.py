"""Each kind of message between a client and a broker is lost, or delayed, or the last before the connection ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Record
from tests.conformance.clients import STEP_MS, numbered, partitions_of, put, read_all, steps, values
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copy_all
from tests.kafka.traps import plain

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

RECORDS = 45
"""Three batches of a worker, in three transactions."""

WRITER_APIS = [
    Api.METADATA,
    Api.FIND_COORDINATOR,
    Api.INIT_PRODUCER_ID,
    Api.ADD_PARTITIONS_TO_TXN,
    Api.PRODUCE,
    Api.ADD_OFFSETS_TO_TXN,
    Api.TXN_OFFSET_COMMIT,
    Api.END_TXN,
    Api.OFFSET_FETCH,
]
READER_APIS = [Api.METADATA, Api.LIST_OFFSETS, Api.FETCH]
WORKER_APIS = [api for api in Api if api is not Api.DESCRIBE_CLUSTER]

Injection = tuple[Api, Direction, Fault]


def each_fault(apis: Sequence[Api]) -> pytest.MarkDecorator:
    """Parametrize a test by every fault in every request and response of these APIs."""
    injections = [(api, direction, fault) for api in apis for direction in Direction for fault in Fault]
    return pytest.mark.parametrize(
        "injection", injections, ids=lambda one: f"{one[0].name}-{one[1].value}-{one[2].name}"
    )


@contextmanager
def fault_during(call: Callable[[], None], proxy: FaultProxy, injection: Injection) -> Iterator[None]:
    """Run the call in its own thread and the block after the fault has occurred; assert that the call returns."""
    api, direction, fault = injection
    proxy.inject(api, direction, fault, times=1)
    calling = plain.Call(call)
    proxy.wait_injected(api, direction)
    if fault is Fault.DISCONNECT:
        proxy.wait_refused(3)
        proxy.clear_faults()
    yield
    assert calling.ends_within(100)
    assert calling.error is None


@each_fault(WORKER_APIS)
def test_a_worker_copies_each_record_once(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], injection: Injection
) -> None:
    source, out = topics
    put(new_log(), numbered(source, RECORDS))
    all_written = threading.Event()

    with fault_during(lambda: copy_with_restarts(proxied_log, topics, all_written.is_set), proxy, injection):
        put(new_log(), numbered(source, RECORDS, start=RECORDS), writer="second")
        all_written.set()

    assert_copied_once(new_log(), out, 2 * RECORDS)


def copy_with_restarts(new_log: NewLog, topics: tuple[str, str], all_written: Callable[[], bool]) -> None:
    """Copy until the backlog is empty after everything was written; start again after a failure."""
    source, _ = topics
    for _ in steps("the copying"):
        with suppress(LogUnavailable, CommitFailed):
            log = new_log(max_poll_interval_ms="4000")
            worker = log.worker(group=source, instance="0", topics=[source])
            finished = False
            while not finished:
                finished = all_written()
                copy_all(worker, source, log, topics)
            return


@each_fault(WRITER_APIS)
def test_a_writer_writes_each_record_once(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], injection: Injection
) -> None:
    topic, _ = topics

    def write() -> None:
        for _ in steps("the writing"):
            with suppress(LogUnavailable, CommitFailed):
                writer = proxied_log().writer(topic)
                while (position := getattr(writer.progress(), "position", 0)) < RECORDS:
                    writer.write(numbered(topic, 5, start=position), Progress(position + 5))
                return

    with fault_during(write, proxy, injection):
        pass

    assert values(read_all(new_log(), topic)) == [b"%d" % i for i in range(RECORDS)]


@each_fault(READER_APIS)
def test_a_reader_reads_each_record_once(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], injection: Injection
) -> None:
    topic, _ = topics
    put(new_log(), numbered(topic, RECORDS))
    records: list[Record] = []

    def read() -> None:
        for _ in steps("a reader"):
            with suppress(LogUnavailable):
                reader = proxied_log().reader(partitions_of(topic, 1), start="earliest")
                break
        for _ in steps("the reader's end"):
            with suppress(LogUnavailable):
                records.extend(reader.poll(max_records=10, timeout_ms=STEP_MS))
                if reader.at_end():
                    return

    with fault_during(read, proxy, injection):
        pass

    assert values(records) == [b"%d" % i for i in range(RECORDS)]
