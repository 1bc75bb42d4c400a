"""Follow feeds until a signal, with metrics and probes: `newsloom ingest --follow`."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Final

import structlog

from newsloom.log import open_log
from newsloom.service import probes, run_service, set_on_signals
from newsloom.settings import Settings
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.watchdog import START_TICKS_MAX, Watchdog
from services.feeds.feed_log import FeedLog
from services.feeds.metrics import FeedMetrics
from services.feeds.runner import FeedPlan, FeedRun

SERVICE: Final = "feeds"

_log = structlog.get_logger("newsloom.service")


def follow_feeds(settings: Settings, plan: FeedPlan) -> int:
    """Follow the feeds until SIGTERM or SIGINT; return the exit status, after logging the reason in one line if it is not 0."""
    return run_service(SERVICE, lambda: _follow(settings, plan))


def _follow(settings: Settings, plan: FeedPlan) -> None:
    stop = threading.Event()
    set_on_signals(stop)
    metrics, readiness = FeedMetrics(), Readiness()
    # A round reads up to 16 feeds one after the other if each of them takes the whole time that it may.
    watchdog = Watchdog(SERVICE, ticks_max=START_TICKS_MAX)
    observer = FeedLog(metrics, watchdog)
    metrics.feeds.set(len(plan.feeds))
    metrics.observe(lambda: len(observer.failing))

    def wait(seconds: float) -> None:
        watchdog.beat()
        stop.wait(seconds)

    watchdog.start()
    try:
        with probes(SERVICE, settings, metrics.registry, watchdog, readiness), closing(open_log(settings)) as log:
            run = FeedRun(log, settings, plan, observer, stop=stop, wait=wait)
            readiness.has_started = True
            # It is a member of no group.
            readiness.has_joined = True
            _log.info("service.started", service=SERVICE, feeds=len(plan.feeds))
            run.run()
    finally:
        watchdog.stop()
    _log.info("service.stopped", service=SERVICE)
