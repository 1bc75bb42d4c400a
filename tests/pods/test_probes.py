"""The probes on real pods: what makes the kubelet restart a pod, and what only makes it not ready."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.pods.conftest import measured
from tests.pods.installation import NAMES, Installation
from tests.pods.kafka import PodKafka

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_200)]

AWAY_S = 120.0
STUCK_S_MAX = 240.0
HEALTHY_S = 120.0
KILLED = 128 + signal.SIGKILL

# Runs in the interpreter of the pod before newsloom, and stops its loop once the file exists.
HANG = """
import threading, time
from pathlib import Path

def hang():
    while not Path("/tmp/hang").exists():
        time.sleep(0.2)
    Path("/tmp/hang").unlink()
    from newsloom.streaming.loop import Loop
    Loop._poll = lambda self: time.sleep(1e6)

threading.Thread(target=hang, daemon=True).start()
"""


def test_a_loop_that_hangs_is_restarted_by_the_kubelet(newsloom: Installation) -> None:
    with hung_pod(newsloom):
        rises = newsloom.wait(lambda: progress_age_s(newsloom, "hung") > 10, 60, "the metric to rise")
        unhealthy = newsloom.wait(lambda: newsloom.get("hung", "/healthz")[0] == 503, STUCK_S_MAX, "503")
        restarted = newsloom.wait(lambda: newsloom.has_restarted("hung", 0), STUCK_S_MAX, "the restart")
        measured(f"stuck: /healthz is 503 after {rises + unhealthy:.0f} s, restarted {restarted:.0f} s later")
        assert rises + unhealthy <= HEALTHY_S + 30
        # By the kubelet, not by the watchdog, which ends the process with another status 180 s after its last progress.
        assert newsloom.container("hung")["lastState"]["terminated"]["exitCode"] == KILLED
        newsloom.wait_ready("hung")


def test_a_broker_that_is_away_makes_pods_unready_but_restarts_none(newsloom: Installation, kafka: PodKafka) -> None:
    pods = [f"newsloom-{service}-{number}" for service in NAMES for number in range(2)]
    before = {pod: newsloom.container(pod)["restartCount"] for pod in pods}
    begun = time.monotonic()
    kafka.kill()
    try:
        for pod in pods:
            newsloom.wait(lambda name=pod: newsloom.get(name, "/readyz")[0] == 503, 120, f"{pod} to be unready")  # type: ignore[misc]
        assert {newsloom.get(pod, "/readyz")[1].strip() for pod in pods} == {"the log is unavailable"}
        newsloom.wait(lambda: time.monotonic() - begun > AWAY_S, AWAY_S, "the end of the outage")
        assert {newsloom.get(pod, "/healthz")[0] for pod in pods} == {200}
    finally:
        kafka.start()
    for pod in pods:
        newsloom.wait_ready(pod)
    assert {pod: newsloom.container(pod)["restartCount"] for pod in pods} == before


def test_a_pod_that_starts_is_ready_only_with_its_partitions(newsloom: Installation) -> None:
    pod = "newsloom-clusterer-0"
    newsloom.kubectl("delete", "pod", pod)
    answers: list[str] = []

    def is_ready() -> bool:
        status, body = newsloom.get(pod, "/readyz")
        if status:
            answers.append(body.strip())
        return status == 200

    newsloom.wait(is_ready, 240, "the pod to be ready")
    measured(f"/readyz of a pod that starts: {list(dict.fromkeys(answers))}")
    assert answers[0] == "starting"
    assert newsloom.metrics(pod)["newsloom_partitions"] >= 1


@contextmanager
def hung_pod(newsloom: Installation) -> Iterator[None]:
    """Run one more clusterer, `hung`, while entered. Its loop hangs."""
    newsloom.kubectl("create", "configmap", "hang", f"--from-literal=sitecustomize.py={HANG}")
    try:
        with newsloom.extra_pod("hung", "clusterer", {"PYTHONPATH": "/etc/configmap"}, configmap="hang"):
            newsloom.wait_ready("hung")
            newsloom.kubectl("exec", "hung", "--", "touch", "/tmp/hang")  # noqa: S108 - of the pod
            yield
    finally:
        newsloom.kubectl("delete", "configmap", "hang")


def progress_age_s(newsloom: Installation, pod: str) -> float:
    return newsloom.metrics(pod).get("newsloom_progress_age_seconds", 0.0)
