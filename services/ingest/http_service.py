"""Serve `POST /articles` until a signal: `newsloom ingest --listen`."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Final

import structlog

from newsloom.contracts.topics import ARTICLES
from newsloom.log import open_log
from newsloom.log_names import topic_name, topic_specs
from newsloom.service import probes, run_service, set_on_signals
from newsloom.settings import Settings
from newsloom.streaming.errors import CommitFailed, LogError, LogUnavailable
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.records import Message
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.topic_check import check_topics
from newsloom.streaming.watchdog import Watchdog
from newsloom.web_server import listen, serve_until
from services.ingest.article_parser import ParseOptions
from services.ingest.http_api import ArticlesApi, IngestMetrics

SERVICE: Final = "ingest"
CONNECTIONS_MAX: Final = 1_000
STOP_S_MAX: Final = 20

_log = structlog.get_logger("newsloom.service")


def serve_articles(settings: Settings, address: str, port: int, parsing: ParseOptions) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status, after logging the reason in one line if it is not 0."""
    return run_service(SERVICE, lambda: _listen_and_serve(settings, address, port, parsing))


def _listen_and_serve(settings: Settings, address: str, port: int, parsing: ParseOptions) -> None:
    stop = threading.Event()
    set_on_signals(stop)
    setting = f"--listen {address}:{port}"
    with listen(address, port, setting=setting) as listener, closing(open_log(settings)) as log:
        _serve(log, settings, listener, parsing, stop)
    _log.info("service.stopped", service=SERVICE)


def _serve(log: Log, settings: Settings, listener: socket.socket, parsing: ParseOptions, stop: threading.Event) -> None:
    topic = topic_name(settings, ARTICLES)
    admin = log.admin()
    check_topics(admin, [spec for spec in topic_specs(settings) if spec.name == topic], ())
    record_bytes_max = admin.describe([topic])[topic].max_record_bytes
    metrics, readiness, watchdog = IngestMetrics(), Readiness(), Watchdog(SERVICE)
    # It is a member of no group.
    readiness.has_started = readiness.has_joined = True
    with (
        probes(SERVICE, settings, metrics.registry, watchdog, readiness),
        closing(_Writing(log, settings, stop)) as writing,
    ):
        api = ArticlesApi(writing.write, parsing, metrics, topic=topic, record_bytes_max=record_bytes_max)
        host, port = listener.getsockname()[:2]
        _log.info("service.started", service=SERVICE, address=host, port=port)
        watchdog.start()
        try:
            asyncio.run(
                serve_until(
                    stop,
                    api.app(),
                    listener,
                    connections_max=CONNECTIONS_MAX,
                    stop_s_max=STOP_S_MAX,
                    beat=watchdog.beat,
                )
            )
        finally:
            watchdog.stop()
        writing.check()


class _Writing:
    """Writes batches one after the other, in a thread of its own: the log's calls block."""

    def __init__(self, log: Log, settings: Settings, stop: threading.Event) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._stop = stop
        self._fatal: LogError | None = None
        self._written = 0
        # A name of its own, as for a pipe: nobody continues a request under it.
        name = f"{settings.topic_prefix}ingest-stream-{uuid.uuid4().hex}"
        self._writer = self._thread.submit(ResumableWriter, log, name).result()

    async def write(self, messages: Sequence[Message]) -> None:
        """Return once the records are committed.

        Raises:
            CommitFailed, LogUnavailable: all retries failed.

        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, messages)

    def _commit(self, messages: Sequence[Message]) -> None:
        try:
            # The note tells batches of one length apart if the outcome of one is unknown.
            self._writer.write(messages, Progress(self._written + len(messages), uuid.uuid4().hex))
        except (CommitFailed, LogUnavailable):
            raise
        except LogError as error:
            # A restart, or a person, must repair it.
            self._fatal = error
            self._stop.set()
            raise LogUnavailable(str(error)) from error
        self._written += len(messages)

    def check(self) -> None:
        """Raise the error that has ended the service, if one has."""
        if self._fatal is not None:
            raise self._fatal

    def close(self) -> None:
        """Forget the writer's progress, and close it."""
        self._thread.submit(self._writer.discard).result()
        self._thread.submit(self._writer.close).result()
        self._thread.shutdown()
