"""Follow feeds until a signal, with metrics and probes: `newsloom ingest --follow`."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Final

import structlog

from newsloom.log import open_log
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG, configure_logging, probes, set_on_signals
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.termination import report_failure
from newsloom.streaming.watchdog import START_TICKS_MAX, Watchdog
from newsloom.terminal import escape
from services.feeds.feed_log import FeedLog
from services.feeds.metrics import FeedMetrics
from services.feeds.runner import FeedPlan, FeedRun

SERVICE: Final = "feeds"

_log = structlog.get_logger("newsloom.service")


def follow_feeds(settings: Settings, plan: FeedPlan) -> int:
    """Follow the feeds until SIGTERM or SIGINT; return the exit status, after logging the reason in one line if it is not 0."""
    configure_logging()
    stop = threading.Event()
    set_on_signals(stop)
    try:
        _follow(settings, plan, stop)
    except LogError as error:
        status = EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_LOG
        report_failure(escape(str(error)), service=SERVICE, status=status)
        return status
    _log.info("service.stopped", service=SERVICE)
    return 0


def _follow(settings: Settings, plan: FeedPlan, stop: threading.Event) -> None:
    metrics, readiness = FeedMetrics(), Readiness()
    # A round reads up to 16 feeds one after the other if each of them takes the whole time that it may.
    watchdog = Watchdog(SERVICE, ticks_max=START_TICKS_MAX)
    observer = FeedLog(metrics, watchdog)
    metrics.feeds.set(len(plan.feeds))
    metrics.observe(lambda: len(observer.failing), lambda: watchdog.idle_s)

    def wait(seconds: float) -> None:
        watchdog.beat()
        stop.wait(seconds)

    watchdog.start()
    try:
        with probes(settings, metrics.registry, watchdog, readiness), closing(open_log(settings)) as log:
            run = FeedRun(log, settings, plan, observer, stop=stop, wait=wait)
            readiness.has_started = True
            # It is a member of no group.
            readiness.has_joined = True
            _log.info("service.started", service=SERVICE, feeds=len(plan.feeds))
            run.run()
    finally:
        watchdog.stop()
