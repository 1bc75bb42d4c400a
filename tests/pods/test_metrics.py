"""The metrics agree with what is seen from outside."""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections import Counter
from pathlib import Path

import pytest

from newsloom.streaming.metrics import LATENCY_SECONDS
from tests.pods.conftest import measured
from tests.pods.installation import NAMES, Installation
from tests.pods.stream import Stream

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(1_200)]

ARTICLES = 300
SAMPLE = Path(__file__).parents[2] / "services" / "local" / "sample" / "articles.jsonl"
IDLE_S_MAX = 15.0
BOUND = re.compile(r'newsloom_latency_seconds_bucket\{le="([^"]+)",service="clusterer"\}')


def test_the_sample_becomes_stories_and_every_invariant_holds(newsloom: Installation) -> None:
    newsloom.newsloom("ingest", str(SAMPLE))
    newsloom.wait(lambda: lags(newsloom) == {0.0}, 240, "the sample to be processed")
    newsloom.verify()
    assert len(newsloom.newsloom("stories").splitlines()) > 10


def test_the_latency_agrees_with_a_consumer_and_the_lag_is_0_when_idle(newsloom: Installation) -> None:
    before = buckets(newsloom)
    with Stream(newsloom.url, f"latency-{time.time():.0f}", per_s=3) as stream:
        newsloom.wait(lambda: stream.written >= ARTICLES, 600, "the stream")
        stream.finish_writing()
        newsloom.wait(lambda: stream.is_complete, 120, "an update for each article")
        waits = stream.waits()
    idle_s = newsloom.wait(lambda: lags(newsloom) == {0.0}, IDLE_S_MAX, "a lag of 0")
    counted = buckets(newsloom) - before
    outside = [bisect_left(LATENCY_SECONDS, waits.quantile(share)) for share in (0.5, 0.99)]
    inside = [quantile_bucket(counted, share) for share in (0.5, 0.99)]
    measured(f"{waits}; buckets of p50 and p99 outside {outside}, in the metric {inside}; lag 0 after {idle_s:.0f} s")
    assert all(abs(one - other) <= 1 for one, other in zip(outside, inside, strict=True))


def lags(newsloom: Installation) -> set[float]:
    """Return the lags, in records, of all pods."""
    pods = [pod["metadata"]["name"] for service in NAMES for pod in newsloom.pods(service)]
    return {newsloom.metrics(pod)["newsloom_lag_records"] for pod in pods}


def buckets(newsloom: Installation) -> Counter[float]:
    """Return the cumulative counts of the clusterers' latency, by upper bound."""
    counts: Counter[float] = Counter()
    for pod in newsloom.pods("clusterer"):
        for name, value in newsloom.metrics(pod["metadata"]["name"]).items():
            if found := BOUND.fullmatch(name):
                counts[float(found[1])] += int(value)
    return counts


def quantile_bucket(counts: Counter[float], share: float) -> int:
    """Return the index of the first bucket whose cumulative count reaches this share of all."""
    needed = share * max(counts.values())
    return next(index for index, bound in enumerate(LATENCY_SECONDS) if counts[bound] >= needed)
