"""Every kind of message between a client of the log and a broker: lost on its way, late for ever, the last before an absence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from newsloom.streaming.log import Progress
from newsloom.streaming.records import Record
from tests.conformance.driving import STEP_MS, numbered, partitions_of, put, read_all, steps, values
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.topic_copy import assert_copied_once, copy_all
from tests.kafka.traps import plain

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

RECORDS = 45
"""Three batches of a worker, and as many transactions."""

OF_WRITERS = [
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
OF_READERS = [Api.METADATA, Api.LIST_OFFSETS, Api.FETCH]
OF_WORKERS = [api for api in Api if api is not Api.DESCRIBE_CLUSTER]

Strike = tuple[Api, Direction, Fault]


def strikes(apis: Sequence[Api]) -> pytest.MarkDecorator:
    """One test for each way to spoil each of these exchanges."""
    all_of_them = [(api, part, fault) for api in apis for part in Direction for fault in Fault]
    return pytest.mark.parametrize("strike", all_of_them, ids=lambda one: f"{one[0].name}-{one[1].value}-{one[2].name}")


@contextmanager
def struck_during(call: Callable[[], None], proxy: FaultProxy, strike: Strike) -> Iterator[None]:
    """The call, in a thread of its own, and one fault in it; the block runs when this has happened. The call must end well."""
    api, part, fault = strike
    proxy.inject(api, part, fault, times=1)
    calling = plain.Call(call)
    proxy.wait_injected(api, part)
    if fault is Fault.DISCONNECT:
        proxy.wait_refused(3)
        proxy.clear_faults()
    yield
    assert calling.ends_within(100)
    assert calling.error is None


@strikes(OF_WORKERS)
def test_a_worker_copies_each_record_once(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], strike: Strike
) -> None:
    source, out = topics
    put(new_log(), numbered(source, RECORDS))
    all_is_there = threading.Event()

    with struck_during(lambda: copy_as_under_a_supervisor(proxied_log, topics, all_is_there.is_set), proxy, strike):
        put(new_log(), numbered(source, RECORDS, start=RECORDS), writer="second")
        all_is_there.set()

    assert_copied_once(new_log(), out, 2 * RECORDS)


def copy_as_under_a_supervisor(new_log: NewLog, topics: tuple[str, str], all_is_there: Callable[[], bool]) -> None:
    """Copy until nothing is left when all is there; what fails at its start is started again."""
    source, _ = topics
    for _ in steps("the copying"):
        with suppress(LogUnavailable, CommitFailed):
            log = new_log(max_poll_interval_ms="4000")
            worker = log.worker(group=source, instance="0", topics=[source])
            was_there = False
            while not was_there:
                was_there = all_is_there()
                copy_all(worker, source, log, topics)
            return


@strikes(OF_WRITERS)
def test_a_writer_writes_each_record_once(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], strike: Strike
) -> None:
    topic, _ = topics

    def write() -> None:
        for _ in steps("the writing"):
            with suppress(LogUnavailable, CommitFailed):
                writer = proxied_log().writer(topic)
                while (position := getattr(writer.progress(), "position", 0)) < RECORDS:
                    writer.write(numbered(topic, 5, start=position), Progress(position + 5))
                return

    with struck_during(write, proxy, strike):
        pass

    assert values(read_all(new_log(), topic)) == [b"%d" % i for i in range(RECORDS)]


@strikes(OF_READERS)
def test_a_reader_reads_each_record_once(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str], strike: Strike
) -> None:
    topic, _ = topics
    put(new_log(), numbered(topic, RECORDS))
    records: list[Record] = []

    def read() -> None:
        for _ in steps("a reader"):
            with suppress(LogUnavailable):
                reader = proxied_log().reader(partitions_of(topic, 1), start="earliest")
                break
        for _ in steps("its end"):
            with suppress(LogUnavailable):
                records.extend(reader.poll(max_records=10, timeout_ms=STEP_MS))
                if reader.at_end():
                    return

    with struck_during(read, proxy, strike):
        pass

    assert values(records) == [b"%d" % i for i in range(RECORDS)]
