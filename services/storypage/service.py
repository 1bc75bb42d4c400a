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
from typing import Final

import structlog
from starlette.types import ASGIApp

from newsloom.contracts.pipeline import STORYPAGE
from newsloom.log import open_log
from newsloom.log_names import topic_names
from newsloom.service import probes, run_service, set_on_signals
from newsloom.settings import Settings, load_settings
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.scan import topic_partitions
from newsloom.streaming.watchdog import START_TICKS_MAX, TICKS_MAX, Watchdog
from newsloom.task_thread import TaskThread
from newsloom.web_server import listen, serve_until
from services.storypage.app import build_app
from services.storypage.context import Context
from services.storypage.follower import Follower, FollowerSignals
from services.storypage.live import LiveUpdates
from services.storypage.metrics import PageMetrics
from services.storypage.ratings import load_ratings
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel

CONNECTIONS_MAX: Final = 4_000
STOP_S_MAX: Final = 5

_log = structlog.get_logger("newsloom.storypage")


def run() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    return run_service(STORYPAGE.name, lambda: serve(load_settings(os.environ)))


def serve(settings: Settings) -> None:
    """Open the read model, follow the topics and serve the page until a signal.

    Raises:
        LogError: a topic, a right, the file or the port is not as it must be, or the log is unavailable.

    """
    watchdog, metrics, readiness = Watchdog(STORYPAGE.name, ticks_max=START_TICKS_MAX), Metrics(), Readiness()
    page_metrics = PageMetrics(metrics.registry)
    metrics.observe(readiness.lag)
    watchdog.start()
    stop = threading.Event()
    try:
        with (
            probes(STORYPAGE.name, settings, metrics.registry, watchdog, readiness),
            listen(settings.page_address, settings.page_port, setting=_address_settings(settings)) as listener,
            _open(settings) as file,
        ):
            set_on_signals(stop)
            live = LiveUpdates()

            def follow() -> None:
                try:
                    # With a log and a connection of this thread.
                    with closing(open_log(settings)) as log, closing(file.connect()) as sql:
                        model = ReadModel(sql, settings, load_ratings(settings.page_ratings))
                        signals = FollowerSignals(stop, watchdog, metrics, readiness)
                        Follower(log, settings, model, live, signals, check_file=file.check).run()
                finally:
                    # Without the topics there is nothing to serve.
                    stop.set()

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
    following = TaskThread("follower", follow)
    following.start()
    host, port = listener.getsockname()[:2]
    _log.info("page.started", address=host, port=port)
    try:
        asyncio.run(_serve(app, listener, live, stop))
    finally:
        stop.set()
        following.join()
    following.check()


def _address_settings(settings: Settings) -> str:
    return f"NEWSLOOM_PAGE_ADDRESS={settings.page_address} NEWSLOOM_PAGE_PORT={settings.page_port}"


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


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    # An OperationalError is a full disk or a file that is locked.
    return not isinstance(error, sqlite3.OperationalError)


async def _serve(app: ASGIApp, listener: socket.socket, live: LiveUpdates, stop: threading.Event) -> None:
    """Serve until the stop, then end the streams and the requests."""
    live.attach(asyncio.get_running_loop())
    await serve_until(stop, app, listener, connections_max=CONNECTIONS_MAX, stop_s_max=STOP_S_MAX, before_end=live.end)
