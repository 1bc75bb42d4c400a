"""A secret in a file is read when a connection is made, so that a rotation needs no restart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from newsloom.streaming.errors import ConfigurationError, LogUnavailable
from newsloom.streaming.kafka import open_kafka
from newsloom.streaming.kafka.options import parse_options
from newsloom.streaming.kafka.secret_files import read_secrets
from newsloom.streaming.log import Log
from tests.kafka.broker import PASSWORD, SINGLE_NODE, USER, Broker

ROTATED: Final = "rotated-password"
SASL: Final = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": USER}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


def options(secret: Path) -> dict[str, str]:
    return {**SASL, "sasl_plain_password_file": str(secret)}


def test_the_line_break_at_the_end_is_not_part_of_the_secret(secret: Path) -> None:
    assert read_secrets(parse_options(options(secret))) == {"sasl_plain_password": PASSWORD}
    secret.write_text(" with spaces \r\n")
    assert read_secrets(parse_options(options(secret))) == {"sasl_plain_password": " with spaces "}


@pytest.mark.parametrize("name", ["sasl_plain_password", "ssl_password"])
def test_a_secret_as_text_and_as_a_file_is_refused(name: str, secret: Path) -> None:
    variable = f"NEWSLOOM_KAFKA_{name.upper()}"
    with pytest.raises(ConfigurationError, match=f"^{variable} and {variable}_FILE are both set: remove one") as caught:
        parse_options({**options(secret), name: "a-secret", f"{name}_file": str(secret)})
    assert "a-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot be read: No such file"), (b"\n", "is empty"), (b"\xff", "is not UTF-8 text")],
)
def test_an_unusable_file_is_named_before_anything_connects(secret: Path, content: bytes | None, problem: str) -> None:
    secret.unlink()
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(ConfigurationError, match="^NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD_FILE='/.*' " + problem):
        open_kafka("kafka://127.0.0.1:1", options(secret))


@pytest.fixture
def broker(kafka_home: Path, tmp_path: Path) -> Iterator[Broker]:
    """A broker of this test's own: it is restarted with another password."""
    broker = Broker(kafka_home, tmp_path / "broker", settings=SINGLE_NODE)
    broker.start()
    yield broker
    broker.stop()


def restart_with(broker: Broker, directory: Path, password: str) -> None:
    broker.stop()
    config = directory / "server.properties"
    config.write_text(config.read_text().replace(f'="{PASSWORD}"', f'="{password}"'))
    broker.start()


def until_answered(log: Log) -> None:
    """Ask until the broker answers: it may be known as unavailable for some more seconds."""
    for _ in range(10):
        try:
            assert log.admin().describe(["missing"]) == {}
        except LogUnavailable:
            continue
        return
    pytest.fail("the broker did not answer")


@pytest.mark.kafka
def test_a_rotated_password_is_used_without_a_restart(broker: Broker, secret: Path, tmp_path: Path) -> None:
    with closing(open_kafka(broker.sasl_url, options(secret))) as log:
        until_answered(log)
        secret.write_text(ROTATED)
        restart_with(broker, tmp_path / "broker", ROTATED)
        until_answered(log)


@pytest.mark.kafka
def test_a_rotation_that_did_not_reach_the_file_is_reported(broker: Broker, secret: Path, tmp_path: Path) -> None:
    with closing(open_kafka(broker.sasl_url, options(secret))) as log:
        until_answered(log)
        restart_with(broker, tmp_path / "broker", ROTATED)
        with pytest.raises(ConfigurationError, match="NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME and _PASSWORD"):
            until_answered(log)
