"""Parsing of broker addresses and client settings. Needs no broker."""

from __future__ import annotations

import pytest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.kafka.options import parse_addresses, parse_options


@pytest.mark.parametrize(
    ("url", "addresses"),
    [
        ("kafka://one:1234", [("one", 1234)]),
        ("kafka://one:1,two,three:3/", [("one", 1), ("two", 9092), ("three", 3)]),
        ("kafka://[::1]:9093", [("::1", 9093)]),
    ],
)
def test_brokers_are_read_from_the_url(url: str, addresses: list[tuple[str, int]]) -> None:
    assert parse_addresses(url) == tuple(addresses)


@pytest.mark.parametrize(
    "url", ["kafka://", "kafka://one:port", "kafka://one,,two", "kafka://one/topic", "kafka://:1", "kafka://one?x=1"]
)
def test_a_url_without_a_valid_broker_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"NEWSLOOM_LOG=.*kafka://host:9092"):
        parse_addresses(url)


def test_a_password_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME") as caught:
        parse_addresses("kafka://me:secret@one:1")
    assert "secret" not in str(caught.value)


def test_settings_are_converted_to_the_clients_types() -> None:
    options = {
        "request_timeout_ms": "7000",
        "ssl_check_hostname": "False",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": "0123",
        "client_id": "42",
    }
    assert parse_options(options) == {
        "request_timeout_ms": 7000,
        "ssl_check_hostname": False,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": "me",
        "sasl_plain_password": "0123",
        "client_id": "42",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no_such_setting", "1"),
        ("request_timeout_ms", "soon"),
        ("ssl_check_hostname", "perhaps"),
        ("security_protocol", "SASL_SLL"),
        ("sasl_mechanism", "SECRET"),
        ("selector", "epoll"),
        ("isolation_level", "read_uncommitted"),
        ("transactional_id", "mine"),
    ],
)
def test_an_invalid_setting_is_named(name: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"NEWSLOOM_KAFKA_{name.upper()}"):
        open_kafka("kafka://127.0.0.1:1", {name: text})


def test_credentials_without_a_sasl_protocol_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="NEWSLOOM_KAFKA_SECURITY_PROTOCOL"):
        parse_options({"sasl_mechanism": "PLAIN", "sasl_plain_username": "me", "sasl_plain_password": "secret"})


@pytest.mark.parametrize("missing", ["sasl_plain_username", "sasl_plain_password"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_user_without_a_password_or_a_password_without_a_user_is_refused(mechanism: str, missing: str) -> None:
    options = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "me",
        "sasl_plain_password": "secret",
    }
    with pytest.raises(ConfigurationError, match=f"NEWSLOOM_KAFKA_{missing.upper()} is missing"):
        parse_options({name: text for name, text in options.items() if name != missing})
