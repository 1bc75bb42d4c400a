"""TLS, passwords and certificates on a real broker. A wrong one ends with one line that gives the cause."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from newsloom.access import Operation, Resource, Right
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.kafka import open_kafka
from tests.failure_lines import failure
from tests.kafka.acl_newsroom import REPOSITORY, AclNewsroom
from tests.kafka.certificates import Authority
from tests.kafka.harness import END_S_MAX, opening_error
from tests.kafka.secured_broker import GUEST, SecuredBroker

pytestmark = pytest.mark.kafka

WRONG: Final = "wrong-password-1"
KEY_PASSWORD: Final = "right-key-password"  # noqa: S105 - the key exists for one test run only


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority that the broker does not trust."""
    return Authority(tmp_path_factory.mktemp("untrusted") / "authority")


@pytest.fixture(scope="module")
def certified(secured_broker: SecuredBroker) -> dict[str, str]:
    """The client settings of a user with a certificate instead of a password."""
    return {
        "security_protocol": "SSL",
        "ssl_cafile": str(secured_broker.authority),
        "ssl_certfile": str(secured_broker.certificate("carol")),
    }


# --- accepted


def test_a_password_over_tls(secured_broker: SecuredBroker) -> None:
    right = Right(Operation.DESCRIBE, Resource.TOPIC, "some")
    secured_broker.allow(GUEST, [right])
    with closing(open_kafka(secured_broker.url, secured_broker.options(GUEST))) as log:
        assert log.admin().describe(["some"]) == {}


def test_a_certificate(secured_broker: SecuredBroker, certified: dict[str, str]) -> None:
    right = Right(Operation.DESCRIBE, Resource.TOPIC, "some")
    secured_broker.allow("CN=carol", [right])
    with closing(open_kafka(secured_broker.mutual_url, certified)) as log:
        assert log.admin().describe(["some"]) == {}
        with pytest.raises(ConfigurationError, match="lacks the right Describe on topic other"):
            log.admin().describe(["other"])


def test_a_certificate_whose_key_is_encrypted(secured_broker: SecuredBroker, certified: dict[str, str]) -> None:
    encrypted = secured_broker.certificate("dave", password=KEY_PASSWORD)
    options = {**certified, "ssl_certfile": str(encrypted)}
    open_kafka(secured_broker.mutual_url, {**options, "ssl_password": KEY_PASSWORD}).close()
    # Without a password: OpenSSL must not ask for it on the terminal.
    for wrong in ({}, {"ssl_password": WRONG}):
        error = opening_error(secured_broker.mutual_url, {**options, **wrong})
        assert isinstance(error, ConfigurationError)
        assert "NEWSLOOM_KAFKA_SSL_CERTFILE, _SSL_KEYFILE or _SSL_PASSWORD" in str(error)
        assert WRONG not in str(error)


def test_another_host_name_is_accepted_without_the_host_name_check(secured_broker: SecuredBroker) -> None:
    options = {**secured_broker.options(GUEST), "ssl_check_hostname": "false"}
    open_kafka(secured_broker.url_by_name, options).close()


# --- rejected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("sasl_plain_password", WRONG, "the broker rejects the user or password"),
        ("sasl_plain_username", "nobody", "check NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME and _PASSWORD"),
        ("sasl_mechanism", "PLAIN", "not support PLAIN: set NEWSLOOM_KAFKA_SASL_MECHANISM to one of SCRAM-SHA-512"),
        ("sasl_mechanism", "SCRAM-SHA-256", "the broker does not support SCRAM-SHA-256"),
        ("security_protocol", "SASL_PLAINTEXT", "the broker requires TLS on this port"),
    ],
)
def test_wrong_credentials(secured_broker: SecuredBroker, name: str, text: str, expected: str) -> None:
    options = {**secured_broker.options(GUEST), "bootstrap_timeout_ms": "3000", name: text}
    error = opening_error(secured_broker.url, options)
    assert isinstance(error, ConfigurationError)
    assert expected in str(error)
    assert not [secret for secret in (WRONG, secured_broker.passwords[GUEST]) if secret in str(error)]


def test_a_client_without_a_user(secured_broker: SecuredBroker) -> None:
    error = opening_error(secured_broker.url, {"security_protocol": "SSL", "ssl_cafile": str(secured_broker.authority)})
    assert isinstance(error, ConfigurationError)
    assert "the broker requires a SASL user on this port" in str(error)
    assert "SCRAM-SHA-512" in str(error)


def test_plaintext_to_a_tls_port(secured_broker: SecuredBroker) -> None:
    error = opening_error(secured_broker.url, {})
    assert isinstance(error, ConfigurationError)
    assert "the broker requires TLS on this port: set NEWSLOOM_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL" in str(error)


def test_a_broker_certificate_of_another_authority(secured_broker: SecuredBroker, untrusted: Authority) -> None:
    error = opening_error(
        secured_broker.url, {**secured_broker.options(GUEST), "ssl_cafile": str(untrusted.certificate)}
    )
    assert isinstance(error, ConfigurationError)
    assert "unable to get local issuer certificate; check NEWSLOOM_KAFKA_SSL_CAFILE" in str(error)


def test_an_expired_broker_certificate(secured_broker: SecuredBroker, certified: dict[str, str]) -> None:
    error = opening_error(secured_broker.expired_url, certified)
    assert isinstance(error, ConfigurationError)
    assert "certificate has expired" in str(error)


def test_a_broker_certificate_for_another_host_name(secured_broker: SecuredBroker) -> None:
    error = opening_error(secured_broker.url_by_name, secured_broker.options(GUEST))
    assert isinstance(error, ConfigurationError)
    assert "Hostname mismatch, certificate is not valid for 'localhost'" in str(error)


def test_a_user_on_a_port_without_sasl(secured_broker: SecuredBroker, certified: dict[str, str]) -> None:
    options = {**secured_broker.options(GUEST), "ssl_certfile": certified["ssl_certfile"]}
    error = opening_error(secured_broker.mutual_url, options)
    assert isinstance(error, ConfigurationError)
    assert "the broker does not use SASL on this port: set NEWSLOOM_KAFKA_SECURITY_PROTOCOL to SSL" in str(error)


def test_a_client_without_a_trusted_certificate(
    secured_broker: SecuredBroker, certified: dict[str, str], untrusted: Authority
) -> None:
    without = {name: value for name, value in certified.items() if name != "ssl_certfile"}
    for options in (without, {**without, "ssl_certfile": str(untrusted.issue("carol"))}):
        error = opening_error(secured_broker.mutual_url, options)
        assert isinstance(error, ConfigurationError)
        assert "the broker rejects or requires a client certificate" in str(error)
        assert "check NEWSLOOM_KAFKA_SSL_CERTFILE" in str(error)


# --- as a process


@pytest.mark.parametrize(
    ("silent", "status"), [pytest.param(False, EXIT_CONFIGURATION, id="wrong"), pytest.param(True, EXIT_LOG, id="silent")]
)  # fmt: skip
def test_a_service_ends_with_one_line_and_the_status_of_its_cause(
    secured_broker: SecuredBroker, silent_port: int, tmp_path: Path, silent: bool, status: int
) -> None:
    newsroom = AclNewsroom(secured_broker, tmp_path)
    environ = newsroom.environment_of(
        GUEST, NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD=WRONG, NEWSLOOM_KAFKA_BOOTSTRAP_TIMEOUT_MS="3000"
    )
    if silent:
        environ["NEWSLOOM_LOG"] = f"kafka://127.0.0.1:{silent_port}"
    done = subprocess.run(
        [sys.executable, "-m", "services.clusterer"],
        env=environ,
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=END_S_MAX,
        check=False,
    )
    assert done.returncode == status, done.stderr
    line = failure(done.stderr)
    assert line.startswith(f"NEWSLOOM_LOG={environ['NEWSLOOM_LOG']}: ")
    assert WRONG not in done.stderr + done.stdout
