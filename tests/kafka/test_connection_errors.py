"""Every connection problem is reported within 30 s, in one line with the setting, the address and the cause."""

from __future__ import annotations

import logging

import pytest

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.kafka import open_kafka
from tests.kafka.broker import PASSWORD, USER, Broker, free_ports
from tests.kafka.harness import opening_error

SASL = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_plain_username": USER,
    "sasl_plain_password": PASSWORD,
}


def test_a_port_without_a_listener() -> None:
    assert "Connection refused" in str(opening_error(f"kafka://127.0.0.1:{free_ports(1)[0]}", {}))


def test_an_unknown_host_name() -> None:
    assert isinstance(opening_error("kafka://no-such-host.invalid:9092", {}), LogUnavailable)


def test_tls_to_a_port_that_never_answers(silent_port: int) -> None:
    assert "no answer" in str(opening_error(f"kafka://127.0.0.1:{silent_port}", {"security_protocol": "SSL"}))


def test_a_port_that_never_answers(silent_port: int) -> None:
    error = opening_error(f"kafka://127.0.0.1:{silent_port}", {})
    assert isinstance(error, LogUnavailable)
    assert "no answer" in str(error)


def test_an_unreadable_certificate_authority_file(silent_port: int) -> None:
    options = {"security_protocol": "SSL", "ssl_cafile": "no-such-file.pem"}
    error = opening_error(f"kafka://127.0.0.1:{silent_port}", options)
    assert isinstance(error, ConfigurationError)
    assert "NEWSLOOM_KAFKA_SSL_CAFILE" in str(error)


@pytest.mark.kafka
def test_the_right_password(kafka_broker: Broker) -> None:
    log = open_kafka(kafka_broker.sasl_url, SASL)
    assert log.admin().describe(["missing"]) == {}
    log.close()


@pytest.mark.kafka
def test_a_wrong_password(kafka_broker: Broker) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        error = opening_error(
            kafka_broker.sasl_url, {**SASL, "sasl_plain_password": "wrong-password", "bootstrap_timeout_ms": "3000"}
        )
    finally:
        logging.getLogger().removeHandler(handler)
    assert "SASL" in str(error)
    assert "wrong-password" not in str(error)
    assert lines == [], "kafka-python's log lines are dropped"


@pytest.mark.kafka
def test_tls_to_a_plaintext_port(kafka_broker: Broker) -> None:
    message = str(opening_error(kafka_broker.url, {"security_protocol": "SSL"}))
    assert "the port does not use TLS" in message
    assert "NEWSLOOM_KAFKA_SECURITY_PROTOCOL" in message
