"""A password from the environment is sent to the broker and appears nowhere else, whatever the log level."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing

import pytest

from newsloom.settings import load_settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Message, TopicPartition
from tests.kafka.broker import PASSWORD, USER, Broker
from tests.kafka.test_connection_errors import SASL

SECRET = "right-or-wrong"  # noqa: S105 - not a password of any user


def test_settings_do_not_show_the_values_of_client_settings() -> None:
    settings = load_settings({"NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD": SECRET, "NEWSLOOM_TOPIC_PREFIX": "other."})
    assert settings.kafka == {"sasl_plain_password": SECRET}
    for shown in (repr(settings), str(settings), f"{settings}", repr([settings])):
        assert SECRET not in shown
        assert "sasl_plain_password" in shown
        assert "topic_prefix='other.'" in shown


@pytest.mark.parametrize("scheme", ["kafka", "kafak", "redis"])
def test_a_password_in_the_url_is_not_shown(scheme: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NEWSLOOM_LOG='{scheme}://host:9092'") as caught:
        open_log_url(f"{scheme}://me:{SECRET}@host:9092")
    assert SECRET not in str(caught.value)


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Capture the log of a program that logs everything of kafka-python."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "kafka"):
        yield caplog


@pytest.mark.kafka
@pytest.mark.parametrize("password", [PASSWORD, SECRET], ids=["right", "wrong"])
def test_no_log_line_contains_a_password(
    kafka_broker: Broker, everything_logged: pytest.LogCaptureFixture, password: str
) -> None:
    options = {**SASL, "sasl_plain_password": password, "bootstrap_timeout_ms": "3000"}
    if password == PASSWORD:
        _use_everything(kafka_broker.sasl_url, options)
    else:
        with pytest.raises(ConfigurationError):
            open_kafka(kafka_broker.sasl_url, options)
    lines = [f"{record.getMessage()} {record.args!r} {record.exc_info!r}" for record in everything_logged.records]
    assert len([line for line in lines if USER in line or "SASL" in line.upper()]) > 0, "nothing was logged at all"
    assert [line for line in lines if password in line] == []


def _use_everything(url: str, options: dict[str, str]) -> None:
    """Use an admin, a writer, a worker and a reader, each with connections of its own."""
    with closing(open_kafka(url, options)) as log:
        log.admin().create([TopicSpec("secrets.in", 1, CleanupPolicy.DELETE)])
        writer = log.writer("secrets.writer")
        writer.write([Message("secrets.in", b"k", b"v")], Progress(1))
        worker = log.worker(group="secrets.group", instance="0", topics=["secrets.in"])
        reader = log.reader([TopicPartition("secrets.in", 0)], start="earliest")
        worker.poll(max_records=1, timeout_ms=100)
        reader.poll(max_records=1, timeout_ms=1_000)
