"""B7: a right is revoked and granted again. An idempotent producer repeats the refusal for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLFilter, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from kafka.errors import KafkaError, TopicAuthorizationFailedError

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.records import Message
from tests.conformance.clients import read_all, steps, values
from tests.conftest import HOW_TO_RUN
from tests.kafka.broker import PASSWORD, USER, Broker, find_kafka_home
from tests.kafka.harness import log_opener
from tests.kafka.traps import plain

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_SETTINGS: Final = """
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
super.users=User:ANONYMOUS
"""
SASL: Final = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": USER,
    "sasl_plain_password": PASSWORD,
}


class WriteRight:
    """Grants and revokes a user's right to write to the topic."""

    topic: Final = "protected"

    def __init__(self, broker: Broker) -> None:
        self.url = broker.sasl_url
        self._admin = KafkaAdminClient(bootstrap_servers=broker.url.removeprefix("kafka://"))
        pattern = ResourcePattern(ResourceType.TOPIC, self.topic)
        denial = (f"User:{USER}", "*", ACLOperation.WRITE, ACLPermissionType.DENY, pattern)
        # As soon as a topic has any rule, the broker denies what no rule allows.
        permission = (f"User:{USER}", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern)
        self._denial, self._filter = ACL(*denial), ACLFilter(*denial)
        self._admin.create_acls([ACL(*permission)])

    def deny(self) -> None:
        self._admin.create_acls([self._denial])

    def allow(self) -> None:
        self._admin.delete_acls([self._filter])

    def close(self) -> None:
        self._admin.close()


@pytest.fixture
def right(tmp_path: Path) -> Iterator[WriteRight]:
    home = find_kafka_home(Path(__file__).resolve().parent.parent.parent.parent)
    if home is None:
        pytest.skip(HOW_TO_RUN)
    broker = Broker(home, tmp_path / "broker", settings=_SETTINGS)
    try:
        broker.start()
        with log_opener(broker.url) as open_log:
            open_log().admin().create([TopicSpec(WriteRight.topic, 1, CleanupPolicy.DELETE)])
        right = WriteRight(broker)
        yield right
        right.close()
    finally:
        broker.stop()


def until_refused(write: Callable[[], object], refusal: type[Exception]) -> None:
    """Write until the refusal: the broker applies a rule a moment after it was created."""
    for _ in steps("the refusal"):
        try:
            write()
        except refusal:
            return


def test_adapter_writes_again_after_the_right_is_granted_and_plain_client_does_not(right: WriteRight) -> None:
    address = right.url.removeprefix("kafka://")
    with log_opener(right.url, **SASL) as open_log, plain.producer(address, **SASL) as producer:
        writer, written = open_log().writer("writer"), 0

        def write() -> None:
            nonlocal written
            writer.write([Message(right.topic, b"k", b"%d" % written)], Progress(written + 1))
            written += 1

        def send() -> None:
            producer.send(right.topic, b"plain").get(10)

        write()
        send()
        right.deny()
        until_refused(send, TopicAuthorizationFailedError)
        until_refused(write, ConfigurationError)

        right.allow()
        for _ in steps("the adapter to write again"):
            with suppress(ConfigurationError):
                write()
                break
        with pytest.raises(KafkaError, match="TopicAuthorizationFailed"):
            send()

        from_adapter = [value for value in values(read_all(open_log(), right.topic)) if value != b"plain"]
        assert from_adapter == [b"%d" % i for i in range(written)]
