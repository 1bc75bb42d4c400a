"""The metrics that every process with probes has."""

from __future__ import annotations

import platform
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector

from newsloom.streaming.readiness import Readiness
from newsloom.streaming.watchdog import Watchdog


def add_process_metrics(registry: CollectorRegistry, service: str, readiness: Readiness, watchdog: Watchdog) -> None:
    """Add what the process is and whether it works; `readiness` and `watchdog` are read at each scrape."""
    gauge = partial(Gauge, registry=registry)
    # The name of the service is a label because it is the same wherever the process runs; a scrape's `job` is not.
    build = gauge(
        "newsloom_build_info", "1; the labels name the service and the versions", ["service", "version", "python"]
    )
    build.labels(service, version("newsloom"), platform.python_version()).set(1)
    gauge("newsloom_ready", "1 if `/readyz` holds, else 0").set_function(lambda: not readiness.obstacle)
    gauge(
        "newsloom_progress_age_seconds",
        "Time since the process made progress: a poll, a commit, a part of a restore, a feed, a wait for the next one",
    ).set_function(lambda: watchdog.idle_s)
    ProcessCollector(registry=registry)
