"""The story page as pods: it answers readers at a pod and through the Service, also while its pods are replaced."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.test_admission import evict
from tests.pods.conftest import measured
from tests.pods.installation import Installation
from tests.pods.stream import Stream, sample

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_200)]

PAGE = "newsloom-storypage-0"
PORT = 8080
EVERY_S = 0.2


def test_a_pod_shows_the_stories_of_the_stream(newsloom: Installation) -> None:
    with Stream(newsloom.url, "page", per_s=5) as stream:
        newsloom.wait(lambda: stream.written >= len(sample()), 240, "the stream")
        stream.finish_writing()
        newsloom.wait(lambda: stream.is_complete, 240, "an update for each article")
    wanted = f"/api/article?edition=pods-0&id={quote(f'page-0-{sample()[0].id}')}"
    newsloom.wait(lambda: newsloom.get(PAGE, wanted, port=PORT)[0] == 200, 60, "the article")
    status, listed = newsloom.request(f"{newsloom.service_url('storypage')}/api/stories?edition=pods-0")
    assert status == 200
    assert json.loads(listed)["stories"]
    assert newsloom.get(PAGE, "/", port=PORT)[0] == 200
    assert newsloom.metrics(PAGE)['newsloom_page_requests_total{status="200"}'] >= 1
    assert newsloom.metrics(PAGE)["newsloom_ready"] == 1


def test_it_can_write_nothing_but_its_file_and_is_not_root(newsloom: Installation) -> None:
    program = (
        "import os; print(os.getuid(), os.access('/', os.W_OK), os.access('/opt/newsloom', os.W_OK),"
        " os.access('/var/lib/newsloom', os.W_OK))"
    )
    assert newsloom.kubectl("exec", PAGE, "--", "python", "-c", program).split() == ["10001", "False", "False", "True"]


def test_readers_are_answered_while_the_pods_are_replaced_one_at_a_time(node: Cluster, newsloom: Installation) -> None:
    newsloom.scale("storypage", 2)
    newsloom.wait_rolled_out("storypage")
    try:
        with reading(newsloom) as answers:
            newsloom.kubectl("rollout", "restart", "statefulset/newsloom-storypage")
            newsloom.wait_rolled_out("storypage")
            assert evict(node, PAGE).returncode == 0
            refused = evict(node, "newsloom-storypage-1")
            assert "would violate the pod's disruption budget" in refused.stderr
            newsloom.wait_rolled_out("storypage")
        failed = len(answers) - answers.count(200)
        measured(f"story page, rollout and drain: {len(answers)} requests, answered other than 200: {failed}")
        assert set(answers) == {200}
    finally:
        newsloom.scale("storypage", 1)
        newsloom.wait_rolled_out("storypage")


def test_a_pod_ends_soon_at_sigterm(newsloom: Installation) -> None:
    restarts = newsloom.container(PAGE)["restartCount"]
    newsloom.kill(PAGE, signal.SIGTERM)
    took_s = newsloom.wait(lambda: newsloom.has_restarted(PAGE, restarts), 60, "the restart")
    measured(f"{PAGE} ended and was started again within {took_s:.1f} s of SIGTERM")
    assert newsloom.container(PAGE)["lastState"]["terminated"]["exitCode"] == 0
    newsloom.wait_ready(PAGE)


@contextmanager
def reading(newsloom: Installation) -> Iterator[list[int]]:
    """Ask for the page again and again while entered, in a thread; give the statuses."""
    answers: list[int] = []
    stop = threading.Event()
    url = newsloom.service_url("storypage")

    def ask() -> None:
        while not stop.wait(EVERY_S):
            answers.append(newsloom.request(url)[0])

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()
