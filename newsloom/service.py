"""Run a service: read the settings, open the log, build the step and process records. Every service's `__main__` calls this."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from newsloom.access import ROLES
from newsloom.contracts.pipeline import EVENT_TYPE
from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log import open_log
from newsloom.log_names import group_name, state_topic_names, topic_name, topic_names, topic_specs
from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.log import Log
from newsloom.streaming.loop import Loop, LoopConfig
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.probes import Probes
from newsloom.streaming.process_metrics import add_process_metrics
from newsloom.streaming.processing_limit import ProcessingLimit
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step
from newsloom.streaming.termination import report_failure
from newsloom.streaming.topic_check import check_topics
from newsloom.streaming.watchdog import START_TICKS_MAX, TICKS_MAX, Watchdog
from newsloom.terminal import escape

EXIT_CONFIGURATION: Final = 78
"""sysexits.h EX_CONFIG: a restart cannot help."""
EXIT_LOG: Final = 75
"""sysexits.h EX_TEMPFAIL: fenced, or the log is unavailable; a supervisor may restart the service."""

EXIT_CRASH: Final = 1
"""A defect of newsloom; a supervisor may restart the service."""

StepBuilder = Callable[[Settings, Log, RestoreProgress], Step]
"""Builds a service's step. A step with state reports the progress of its restores to the `RestoreProgress`."""

_log = structlog.get_logger("newsloom.service")


def main(service: str, build: StepBuilder, *, records_max: int) -> int:
    """Run a service until SIGTERM or SIGINT; return the exit status, after logging the reason in one line if it is not 0.

    A service's `__main__` calls `services.startup.end_at_signals` first: until the loop begins, a signal ends the process.
    """
    return run_service(service, lambda: serve(service, load_settings(os.environ), build, records_max=records_max))


def run_service(service: str, run: Callable[[], None]) -> int:
    """Call `run`; return the exit status of the process, after logging the reason in one line if it is not 0."""
    configure_logging()
    try:
        run()
    except LogError as error:
        status = EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_LOG
        report_failure(escape(str(error)), service=service, status=status)
        return status
    except ImportError:
        # The command line names the package to install.
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the log and the termination message must have the reason
        _log.exception("service.crashed", service=service)
        report_failure(f"{type(error).__name__}: {escape(str(error))}", service=service, status=EXIT_CRASH)
        return EXIT_CRASH
    return 0


def serve(service: str, settings: Settings, build: StepBuilder, *, records_max: int) -> None:
    """Open the log, check the topics, build the step, join the group and process records until a signal; raise `LogError`."""
    config = LoopConfig(
        service=service,
        dead_letter_topic=topic_name(settings, DEAD_LETTERS),
        dead_letter_share_max=settings.dead_letter_share_max,
        records_max=records_max,
        type_header=EVENT_TYPE,
    )
    watchdog, metrics, readiness = Watchdog(service, ticks_max=START_TICKS_MAX), Metrics(), Readiness()
    metrics.observe(readiness.lag)
    watchdog.start()
    try:
        with probes(service, settings, metrics.registry, watchdog, readiness):
            _serve(config, settings, build, watchdog, metrics, readiness=readiness)
    finally:
        watchdog.stop()
    _log.info("service.stopped", service=service)


@contextmanager
def probes(
    service: str, settings: Settings, registry: CollectorRegistry, watchdog: Watchdog, readiness: Readiness
) -> Iterator[None]:
    """Serve metrics and health checks while entered, if a port is set; raise `ConfigurationError` if the port is in use."""
    if not settings.metrics_port:
        yield
        return
    add_process_metrics(registry, service, readiness, watchdog)
    server = Probes(settings.metrics_address, settings.metrics_port, registry, watchdog, readiness)
    server.start()
    try:
        yield
    finally:
        server.close()


def _serve(
    config: LoopConfig,
    settings: Settings,
    build: StepBuilder,
    watchdog: Watchdog,
    metrics: Metrics,
    *,
    readiness: Readiness,
) -> None:
    service = config.service
    log = open_log(settings)
    try:
        _check_rights(service, settings, log)
        check_topics(log.admin(), topic_specs(settings), state_topic_names(settings))
        stop = threading.Event()
        step = build(settings, log, RestoreProgress(watchdog, metrics, stop=stop))
        readiness.has_started = True
        watchdog.set_limit(TICKS_MAX)
        worker = log.worker(group=group_name(settings, service), instance=settings.instance, topics=step.input_topics)
        set_on_signals(stop)
        limit = ProcessingLimit()
        limit.install()
        _log.info("service.started", service=service, instance=settings.instance)
        try:
            Loop(
                worker, step, config, stop=stop, watchdog=watchdog, metrics=metrics, readiness=readiness, limit=limit
            ).run()
        finally:
            worker.close()
    finally:
        log.close()


def _check_rights(service: str, settings: Settings, log: Log) -> None:
    # Check all rights at the start: otherwise a missing right to write dead letters would show only at the first one.
    for role in ROLES:
        if role.name == service:
            read, write = (topic_names(settings, topics) for topics in (role.reads, role.writes))
            log.admin().check_rights(read=read, write=write)


def set_on_signals(stop: threading.Event) -> None:
    """Let SIGTERM and SIGINT set the event."""

    def _stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)


def configure_logging() -> None:
    """Log JSON lines to standard error, from level `info` up."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
