"""TLS and SCRAM with Secrets: a wrong password is named, a corrected one is used, and so is a new one without a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from tests.pods.installation import Installation
from tests.pods.kafka import MECHANISM, NAME, TLS_PORT, USER, PodKafka

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(900)]

SECRET = "kafka-user"  # noqa: S105 - the name of a Secret
POD = "secured"
PROPAGATED_S_MAX = 180
RESTART_S_MAX = 240
ENVIRON: Mapping[str, str] = {
    "NEWSLOOM_LOG": f"kafka://{NAME}:{TLS_PORT}",
    "NEWSLOOM_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "NEWSLOOM_KAFKA_SASL_MECHANISM": MECHANISM,
    "NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME": USER,
    "NEWSLOOM_KAFKA_SASL_PLAIN_PASSWORD_FILE": "/etc/secret/password",
    "NEWSLOOM_KAFKA_SSL_CAFILE": "/etc/secret/ca.crt",
}


@pytest.fixture
def secret(newsloom: Installation, kafka: PodKafka) -> Iterator[str]:
    """The password's Secret, with a password that is wrong."""
    files = (f"--from-file=ca.crt={kafka.authority}", "--from-literal=password=wrong")
    newsloom.kubectl("create", "secret", "generic", SECRET, *files)
    yield SECRET
    newsloom.kubectl("delete", "secret", SECRET)


def test_a_password_is_corrected_and_rotated(newsloom: Installation, kafka: PodKafka, secret: str) -> None:
    kafka.change_password("first")
    with newsloom.extra_pod(POD, "clusterer", ENVIRON, secret=secret):
        assert "the broker rejects the user or password" in newsloom.reason_of_end(POD)

        write_password(newsloom, "first")
        newsloom.wait_ready(POD, RESTART_S_MAX)
        restarts = newsloom.container(POD)["restartCount"]

        write_password(newsloom, "second")
        newsloom.wait(lambda: mounted_password(newsloom) == "second", PROPAGATED_S_MAX, "the Secret to be mounted")
        kafka.change_password("second")
        # Ends the connections, which were authenticated with the first password.
        kafka.kill()
        newsloom.wait(lambda: not newsloom.container(POD)["ready"], RESTART_S_MAX, "the pod to miss the broker")
        kafka.start()
        newsloom.wait_ready(POD, RESTART_S_MAX)
        assert newsloom.container(POD)["restartCount"] == restarts


def write_password(newsloom: Installation, password: str) -> None:
    newsloom.kubectl("patch", "secret", SECRET, "--patch", json.dumps({"stringData": {"password": password}}))


def mounted_password(newsloom: Installation) -> str:
    return newsloom.kubectl("exec", POD, "--", "cat", "/etc/secret/password")
