"""The producers as pods: articles over HTTP and from feeds reach the log, and nothing but the policies' networks is reached."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kubernetes.cluster import NAMESPACE, Cluster
from tests.pods.conftest import measured
from tests.pods.installation import Installation
from tests.unit.feeds.feed_server import Answer, FeedServer
from tests.unit.feeds.harness import item, rss
from tests.unit.ingest.harness import row

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_200)]

FEEDS = "newsloom-feeds-0"
ENTRIES = 3
EVERY_S = 0.2
END_S_MAX = 20.0
ALLOWED = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "feeds-of-the-test", "namespace": NAMESPACE},
    "spec": {
        "podSelector": {"matchLabels": {"app.kubernetes.io/component": "feeds"}},
        "policyTypes": ["Egress"],
        "egress": [{"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "feeds"}}}]}],
    },
}


@pytest.fixture
def feed_server(node: Cluster) -> Iterator[FeedServer]:
    """The server of `FEED`, in a namespace of its own."""
    server = FeedServer(time.time)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    server.serve("/rss.xml", entries(later=False))
    node.kubectl("create", "namespace", "feeds")
    try:
        node.node("stand-in", "feeds", "feeds-0", "80", f"127.0.0.1:{server.server_address[1]}", "app=feeds")
        node.kubectl("-n", "feeds", "create", "service", "clusterip", "feeds", "--tcp=80:80")
        yield server
    finally:
        node.kubectl("delete", "namespace", "feeds")
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_feed_inside_of_the_cluster_is_read_only_if_a_policy_allows_it(
    node: Cluster, newsloom: Installation, feed_server: FeedServer
) -> None:
    newsloom.kubectl("delete", "pod", FEEDS)
    # The node may enforce the policies of a new pod a moment after its start, so its first request may pass.
    newsloom.wait(lambda: newsloom.metrics(FEEDS).get("newsloom_feeds_failing") == 1, 240, "the refusal")
    feed_server.serve("/rss.xml", entries(later=True))
    node.kubectl("apply", "-f", "-", manifests=json.dumps(ALLOWED))
    try:
        newsloom.kubectl("delete", "pod", FEEDS)
        new = 'newsloom_feed_articles_total{kind="new"}'
        took_s = newsloom.wait(lambda: newsloom.metrics(FEEDS).get(new) == ENTRIES, 240, "the articles of the feed")
        measured(f"the articles of a feed are on the log {took_s:.0f} s after the deletion of the last pod")
        assert newsloom.metrics(FEEDS)["newsloom_feeds_failing"] == 0
    finally:
        newsloom.kubectl("delete", "networkpolicy", "feeds-of-the-test")


def entries(*, later: bool) -> Answer:
    """Return a feed whose entries are new to one that has read it before, if it is the later one."""
    first = ENTRIES if later else 0
    return Answer(body=rss(*(item(number) for number in range(first, first + ENTRIES))))


def test_the_pod_of_the_feeds_ends_soon_at_a_signal(newsloom: Installation) -> None:
    newsloom.wait_rolled_out("feeds")
    restarts = newsloom.container(FEEDS)["restartCount"]
    newsloom.kill(FEEDS, signal.SIGTERM)
    assert newsloom.wait(lambda: newsloom.has_restarted(FEEDS, restarts), 60, "the restart") <= END_S_MAX
    assert newsloom.container(FEEDS)["lastState"]["terminated"]["exitCode"] == 0


def test_each_request_with_articles_is_answered_while_the_pods_are_replaced(newsloom: Installation) -> None:
    with posting(newsloom) as answers:
        newsloom.wait(lambda: len(answers) >= 10, 60, "some requests")
        newsloom.kubectl("rollout", "restart", "deployment/newsloom-ingest")
        newsloom.wait_rolled_out("ingest", kind="deployment")
        # The pods that were replaced end meanwhile.
        newsloom.wait(lambda: len(newsloom.pods("ingest")) == 2, 60, "the end of the old pods")
    measured(f"ingest, rollout: {len(answers)} requests, answered other than 202: {len(answers) - answers.count(202)}")
    assert set(answers) == {202}


@contextmanager
def posting(newsloom: Installation) -> Iterator[list[int]]:
    """Send an article again and again while entered, in a thread; give the statuses."""
    answers: list[int] = []
    stop = threading.Event()
    url = f"{newsloom.service_url('ingest')}/articles"

    def send() -> None:
        while not stop.wait(EVERY_S):
            article = json.dumps(row(len(answers)))
            answers.append(newsloom.request(url, "--data-binary", article)[0])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()
