"""B6: after an outage longer than its delivery timeout, an idempotent producer has no producer id and never requests one."""

from __future__ import annotations

import pytest
from kafka.errors import KafkaConnectionError, KafkaTimeoutError

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.log import Progress
from tests.conformance.clients import numbered, read_all, values
from tests.kafka.fault_proxy import FaultProxy
from tests.kafka.faults import Api, Direction, Fault
from tests.kafka.harness import NewLog
from tests.kafka.traps import plain

pytestmark = pytest.mark.kafka


@pytest.mark.slow
def test_plain_client_never_writes_again(proxy: FaultProxy, topics: tuple[str, str]) -> None:
    source, out = topics
    with plain.producer(proxy.address) as producer, plain.producer(proxy.address) as another:
        producer.send(source, b"before").get(10)
        proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
        # The record's error is the last lost connection if it expires at that moment.
        with pytest.raises((KafkaTimeoutError, KafkaConnectionError)):
            producer.send(source, b"during").get(20)
        proxy.clear_faults()

        after = [producer.send(topic, b"after") for topic in topics]
        another.send(out, b"another's").get(20)
        with pytest.raises(KafkaTimeoutError):
            producer.flush(plain.HANGS_S)
        assert not any(future.succeeded() for future in after)


def test_adapter_continues_to_write(
    proxy: FaultProxy, proxied_log: NewLog, new_log: NewLog, topics: tuple[str, str]
) -> None:
    source, _ = topics
    writer = proxied_log().writer(source)
    writer.write(numbered(source, 2), Progress(2))
    proxy.inject(Api.PRODUCE, Direction.REQUEST, Fault.CUT)
    with pytest.raises(CommitFailed):
        writer.write(numbered(source, 2, start=2), Progress(4))
    proxy.clear_faults()

    assert writer.progress() == Progress(2)
    writer.write(numbered(source, 2, start=2), Progress(4))

    assert values(read_all(new_log(), source)) == [b"0", b"1", b"2", b"3"]
