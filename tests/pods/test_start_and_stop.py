"""A pod ends soon at SIGTERM, at any moment of its life, and starts whatever the names of other Services are."""

from __future__ import annotations

import signal
import time

import pytest

from newsloom.settings import PREFIX
from tests.pods.conftest import measured
from tests.pods.installation import NAMES, Installation
from tests.pods.stream import Stream

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_800)]

GONE_S_MAX = 20.0


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("after_s", [0.5, 2.0, 5.0])
def test_sigterm_while_it_starts(newsloom: Installation, service: str, after_s: float) -> None:
    pod = f"newsloom-{service}-0"
    newsloom.kubectl("delete", "pod", pod)
    newsloom.wait(lambda: newsloom.age_s(pod) >= after_s, 120, "the new container")
    assert terminated_after_s(newsloom, pod) <= GONE_S_MAX


@pytest.mark.parametrize("service", NAMES)
def test_sigterm_under_load(newsloom: Installation, service: str) -> None:
    pod = f"newsloom-{service}-0"
    with Stream(newsloom.url, f"term-{service}-{time.time():.0f}", per_s=5) as stream:
        newsloom.wait(lambda: stream.written >= 50, 120, "the stream")
        assert terminated_after_s(newsloom, pod) <= GONE_S_MAX
        stream.finish_writing()
        newsloom.wait(lambda: stream.is_complete, 120, "an update for each article")


def terminated_after_s(newsloom: Installation, pod: str) -> float:
    """Send SIGTERM to the container; return after how many seconds it had ended, with status 0."""
    restarts = newsloom.container(pod).get("restartCount", 0)
    newsloom.kill(pod, signal.SIGTERM)
    took_s = newsloom.wait(lambda: newsloom.age_s(pod) < 0 or newsloom.has_restarted(pod, restarts), 60, "its end")
    newsloom.wait(lambda: newsloom.has_restarted(pod, restarts), 60, "the restart")
    ended = newsloom.container(pod)["lastState"]["terminated"]
    measured(f"{pod} ended {took_s:.1f} s after SIGTERM with status {ended['exitCode']}")
    assert ended["exitCode"] == 0
    return took_s


def test_services_whose_names_become_variables_of_ours(newsloom: Installation) -> None:
    """Kubernetes sets NEWSLOOM_PORT and others for a Service of this name, unless the pod refuses."""
    for name in ("newsloom", "newsloom-metrics", "newsloom-kafka-bootstrap"):
        newsloom.kubectl("create", "service", "clusterip", name, "--tcp=9092:9092")
    try:
        with newsloom.extra_pod("linked", "clusterer", {}, has_service_links=True):
            newsloom.wait_ready("linked")
            variables = newsloom.kubectl("exec", "linked", "--", "env")
            assert f"{PREFIX}METRICS_SERVICE_PORT=9092" in variables
        newsloom.kubectl("rollout", "restart", *(f"statefulset/newsloom-{name}" for name in NAMES))
        newsloom.wait_rolled_out()
    finally:
        newsloom.kubectl("delete", "service", "newsloom", "newsloom-metrics", "newsloom-kafka-bootstrap")
