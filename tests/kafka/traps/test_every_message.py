"""Every kind of message between a worker and a broker, lost on the way, late for ever, or the last before an absence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from newsloom.streaming.errors import CommitFailed, LogUnavailable
from tests.conformance.driving import numbered, put, steps
from tests.kafka.copying import assert_copied_once, copy_all
from tests.kafka.faults import Api, Fault, Part
from tests.kafka.harness import NewLog
from tests.kafka.proxy import Proxy
from tests.kafka.traps import plain

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

RECORDS = 45
"""Three batches, and as many transactions."""

MESSAGES = [(api, part) for api in Api if api is not Api.DESCRIBE_CLUSTER for part in Part]


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: str(fault.name))
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: f"{message[0].name}-{message[1].value}")
def test_each_record_is_copied_once(
    proxy: Proxy,
    proxied_log: NewLog,
    new_log: NewLog,
    topics: tuple[str, str],
    message: tuple[Api, Part],
    *,
    fault: Fault,
) -> None:
    source, out = topics
    put(new_log(), numbered(source, RECORDS))
    proxy.strike(*message, fault, times=1)
    all_is_there = threading.Event()

    copying = plain.Call(lambda: copy_as_under_a_supervisor(proxied_log, topics, all_is_there.is_set))
    proxy.wait_struck(*message)
    if fault is Fault.AWAY:
        proxy.wait_turned_away(3)
        proxy.lift()
    put(new_log(), numbered(source, RECORDS, start=RECORDS), writer="second")
    all_is_there.set()

    assert copying.ends_within(100)
    assert copying.error is None
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
