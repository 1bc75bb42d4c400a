"""Rollouts, kills, drains and scaling under a steady stream: nothing is lost, nothing is repeated, and no article waits long."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Protocol

import pytest

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.test_admission import evict
from tests.pods.conftest import measured
from tests.pods.installation import NAMES, Installation
from tests.pods.stream import Stream

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_800)]

PER_S = 2.5
SETTLE_S = 10.0
DONE_S_MAX = 120.0
SOAK = os.environ.get("NEWSLOOM_TEST_SOAK", "")
"""PER_S/SECONDS: articles per second, and for how long after the rollout; 20/1800 for half an hour at 20 articles per second."""


class Disrupt(Protocol):
    """Run an action under a stream of articles; return the longest wait of an article, once all of them are in updates.

    The stream goes on for so many `seconds` after the action.
    """

    def __call__(self, name: str, action: Callable[[], None], *, per_s: float = ..., seconds: float = ...) -> float: ...


@pytest.fixture
def disrupt(newsloom: Installation) -> Disrupt:
    def run(name: str, action: Callable[[], None], *, per_s: float = PER_S, seconds: float = SETTLE_S) -> float:
        with Stream(newsloom.url, f"{name}-{time.time():.0f}", per_s=per_s) as stream:
            newsloom.wait(lambda: stream.written >= per_s * SETTLE_S, DONE_S_MAX, "the stream to settle")
            begun = time.time()
            action()
            ended = time.time()
            newsloom.wait(lambda: time.time() - ended >= seconds, seconds + 1, "updates after the action")
            stream.finish_writing()
            newsloom.wait(lambda: stream.is_complete, DONE_S_MAX, "an update for each article")
            waits = stream.waits(since=begun)
        measured(f"{name}, {time.time() - begun:.0f} s: {waits}")
        newsloom.verify()
        return waits.longest_s

    return run


def test_a_rollout_of_both_services(newsloom: Installation, disrupt: Disrupt) -> None:
    assert disrupt("rollout", lambda: restart(newsloom)) <= 10


@pytest.mark.skipif(not SOAK, reason="takes long: NEWSLOOM_TEST_SOAK=PER_S/SECONDS")
@pytest.mark.timeout(7_200)
def test_a_rollout_in_a_long_stream(newsloom: Installation, disrupt: Disrupt) -> None:
    per_s, seconds = map(float, SOAK.split("/"))
    assert disrupt("soak", lambda: restart(newsloom), per_s=per_s, seconds=seconds) <= 10


def restart(newsloom: Installation) -> None:
    newsloom.kubectl("rollout", "restart", *(f"statefulset/newsloom-{name}" for name in NAMES))
    newsloom.wait_rolled_out()


@pytest.mark.parametrize("service", ["embedder", "clusterer"])
def test_a_killed_pod_is_ready_again_by_itself(newsloom: Installation, disrupt: Disrupt, service: str) -> None:
    pod = f"newsloom-{service}-0"

    def kill() -> None:
        restarts = newsloom.container(pod)["restartCount"]
        newsloom.kill(pod, signal.SIGKILL)
        newsloom.wait(lambda: newsloom.container(pod)["restartCount"] > restarts, 60, "the restart")
        newsloom.wait_ready(pod)

    assert disrupt(f"kill-{service}", kill) <= 15


def test_a_drain_takes_one_pod_of_a_service_at_a_time(node: Cluster, newsloom: Installation, disrupt: Disrupt) -> None:
    def drain() -> None:
        for service in ("clusterer", "embedder"):
            first, second = (f"newsloom-{service}-{number}" for number in range(2))
            assert evict(node, first).returncode == 0
            refused = evict(node, second)
            assert "would violate the pod's disruption budget" in refused.stderr
            newsloom.wait_rolled_out(service)
            allowed = ("--for=jsonpath={.status.disruptionsAllowed}=1", "--timeout=600s")
            newsloom.kubectl("wait", *allowed, f"pdb/newsloom-{service}")
            assert evict(node, second).returncode == 0
            newsloom.wait_rolled_out(service)

    assert disrupt("drain", drain) <= 10


def test_embedders_scale_up_and_down(newsloom: Installation, disrupt: Disrupt) -> None:
    def scale() -> None:
        for replicas in (4, 1):
            newsloom.scale("embedder", replicas)
            newsloom.wait_rolled_out("embedder")
            newsloom.wait(lambda count=replicas: len(newsloom.pods("embedder")) == count, 120, "the pods to end")  # type: ignore[misc]

    assert disrupt("scale", scale) <= 10
