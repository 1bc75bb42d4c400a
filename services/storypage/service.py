"""The story page as a service: a thread follows the topics, the main thread serves the web application."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import structlog
import uvicorn
from starlette.types import ASGIApp

from newsloom.contracts.pipeline import STORYPAGE
from newsloom.log import open_log
from newsloom.log_names import topic_names
from newsloom.service import (
    EXIT_CONFIGURATION,
    EXIT_CRASH,
    EXIT_LOG,
    configure_logging,
    probes,
    set_on_signals,
)
from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import ConfigurationError, LogError
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.scan import topic_partitions
from newsloom.streaming.termination import report_failure
from newsloom.streaming.watchdog import START_TICKS_MAX, TICKS_MAX, Watchdog
from newsloom.terminal import escape
from services.storypage.app import build_app
from services.storypage.context import Context
from services.storypage.follower import Follower, FollowerSignals
from services.storypage.live import LiveUpdates
from services.storypage.metrics import PageMetrics
from services.storypage.ratings import load_ratings
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel

STOP_CHECK_S: Final = 0.1
CONNECTIONS_MAX: Final = 4_000
STOP_S_MAX: Final = 5

_log = structlog.get_logger("newsloom.storypage")


def run() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    configure_logging()
    try:
        serve(load_settings(os.environ))
    except LogError as error:
        status = EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_LOG
        report_failure(escape(str(error)), service=STORYPAGE.name, status=status)
        return status
    except Exception as error:  # noqa: BLE001 - the last place: the reason must be in the log and the termination message
        _log.exception("service.crashed", service=STORYPAGE.name)
        report_failure(f"{type(error).__name__}: {escape(str(error))}", service=STORYPAGE.name, status=EXIT_CRASH)
        return EXIT_CRASH
    return 0


def serve(settings: Settings) -> None:
    """Open the read model, follow the topics and serve the page until a signal.

    Raises:
        LogError: a topic, a right, the file or the port is not as it must be, or the log is unavailable.

    """
    watchdog, metrics, readiness = Watchdog(STORYPAGE.name, ticks_max=START_TICKS_MAX), Metrics(), Readiness()
    page_metrics = PageMetrics(metrics.registry)
    metrics.observe(readiness, watchdog)
    watchdog.start()
    stop = threading.Event()
    try:
        with (
            probes(settings, metrics.registry, watchdog, readiness),
            _listen(settings) as listener,
            _open(settings) as file,
        ):
            set_on_signals(stop)
            live = LiveUpdates()

            def follow() -> None:
                # With a log and a connection of this thread.
                with closing(open_log(settings)) as log, closing(file.connect()) as sql:
                    model = ReadModel(sql, settings, load_ratings(settings.page_ratings))
                    signals = FollowerSignals(stop, watchdog, metrics, readiness)
                    Follower(log, settings, model, live, signals).run()

            readiness.has_started = True
            watchdog.set_limit(TICKS_MAX)
            context = Context(settings, live, file.reader)
            _run(follow, build_app(context, page_metrics), listener, live, stop)
            context.close()
    except sqlite3.DatabaseError as error:
        if _is_damage(error):
            # The next start makes it again.
            ModelFile(Path(settings.page_file)).delete()
        raise
    finally:
        watchdog.stop()
    _log.info("service.stopped", service=STORYPAGE.name)


def _run(
    follow: Callable[[], None], app: ASGIApp, listener: socket.socket, live: LiveUpdates, stop: threading.Event
) -> None:
    following = _FollowingThread(follow, stop)
    following.start()
    host, port = listener.getsockname()[:2]
    _log.info("page.started", address=host, port=port)
    try:
        asyncio.run(_serve(app, listener, live, stop))
    finally:
        stop.set()
        following.join()
    following.check()


@contextmanager
def _listen(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.page_address else socket.AF_INET
    try:
        listener = socket.create_server((settings.page_address, settings.page_port), family=family, backlog=1_024)
    except OSError as error:
        raise ConfigurationError(
            f"NEWSLOOM_PAGE_ADDRESS={settings.page_address} NEWSLOOM_PAGE_PORT={settings.page_port}: "
            f"cannot listen there: {error.strerror or error}"
        ) from error
    with listener:
        yield listener


@contextmanager
def _open(settings: Settings) -> Iterator[ModelFile]:
    """Open the file, and make it again if it does not fit the log."""
    file = ModelFile(Path(settings.page_file))
    file.lock(settings)
    try:
        with closing(open_log(settings)) as log:
            topics = topic_names(settings, STORYPAGE.consumes)
            for topic in topics:
                topic_partitions(log, topic)
            file.open(settings, log.admin().end_offsets(topics)).close()
        yield file
    finally:
        file.close()


class _FollowingThread(threading.Thread):
    """Runs `follow`. If that fails, the process stops, and `check` raises the error in the main thread."""

    def __init__(self, follow: Callable[[], None], stop: threading.Event) -> None:
        super().__init__(name="follower", daemon=True)
        self._follow = follow
        self._stop_event = stop
        self._error: Exception | None = None

    def run(self) -> None:
        """Follow the topics until the stop."""
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - `check` raises it again in the main thread
            self._error = error
            self._stop_event.set()

    def check(self) -> None:
        """Raise the error that ended the thread."""
        if self._error is not None:
            raise self._error


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # An OperationalError is a full disk or a file that is locked.
    return not isinstance(error, sqlite3.OperationalError)


async def _serve(app: ASGIApp, listener: socket.socket, live: LiveUpdates, stop: threading.Event) -> None:
    """Serve until the stop, then end the streams and the requests."""
    config = uvicorn.Config(
        cast("Any", app),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=STOP_S_MAX,
        timeout_keep_alive=30,
    )
    server = uvicorn.Server(config)
    live.attach(asyncio.get_running_loop())
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not (stop.is_set() or server.should_exit or serving.done()):
        await asyncio.sleep(STOP_CHECK_S)
    live.end()
    server.should_exit = True
    await serving
