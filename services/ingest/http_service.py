"""Serve `POST /articles` until a signal: `newsloom ingest --listen`."""

from __future__ import annotations

import asyncio
import socket
import threading
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Final

import structlog
import uvicorn

from newsloom.contracts.topics import ARTICLES
from newsloom.log import open_log
from newsloom.log_names import topic_name, topic_specs
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG, configure_logging, probes, set_on_signals
from newsloom.settings import Settings
from newsloom.streaming.errors import CommitFailed, ConfigurationError, LogError, LogUnavailable
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.records import Message
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.termination import report_failure
from newsloom.streaming.topic_check import check_topics
from newsloom.streaming.watchdog import Watchdog
from newsloom.terminal import escape
from services.ingest.article_parser import ParseOptions
from services.ingest.http_api import ArticlesApi, IngestMetrics

SERVICE: Final = "ingest"
CONNECTIONS_MAX: Final = 1_000
STOP_S_MAX: Final = 20
STOP_CHECK_S: Final = 0.1

_log = structlog.get_logger("newsloom.service")


def serve_articles(settings: Settings, address: str, port: int, parsing: ParseOptions) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status, after logging the reason in one line if it is not 0."""
    configure_logging()
    stop = threading.Event()
    set_on_signals(stop)
    try:
        with _listen(address, port) as listener, closing(open_log(settings)) as log:
            _serve(log, settings, listener, parsing, stop)
    except LogError as error:
        status = EXIT_CONFIGURATION if isinstance(error, ConfigurationError) else EXIT_LOG
        report_failure(escape(str(error)), service=SERVICE, status=status)
        return status
    _log.info("service.stopped", service=SERVICE)
    return 0


@contextmanager
def _listen(address: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    except OSError as error:
        raise ConfigurationError(
            f"--listen {address}:{port}: cannot listen there: {error.strerror or error}"
        ) from error
    with listener:
        yield listener


def _serve(log: Log, settings: Settings, listener: socket.socket, parsing: ParseOptions, stop: threading.Event) -> None:
    topic = topic_name(settings, ARTICLES)
    admin = log.admin()
    check_topics(admin, [spec for spec in topic_specs(settings) if spec.name == topic], ())
    record_bytes_max = admin.describe([topic])[topic].max_record_bytes
    metrics, readiness = IngestMetrics(), Readiness()
    # It is a member of no group.
    readiness.has_started = readiness.has_joined = True
    with (
        probes(settings, metrics.registry, Watchdog(SERVICE), readiness),
        closing(_Writing(log, settings, stop)) as writing,
    ):
        api = ArticlesApi(writing.write, parsing, metrics, topic=topic, record_bytes_max=record_bytes_max)
        host, port = listener.getsockname()[:2]
        _log.info("service.started", service=SERVICE, address=host, port=port)
        asyncio.run(_run(api, listener, stop))
        writing.check()


async def _run(api: ArticlesApi, listener: socket.socket, stop: threading.Event) -> None:
    config = uvicorn.Config(
        api.app(),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=STOP_S_MAX,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    while not stop.is_set() and not serving.done():
        await asyncio.sleep(STOP_CHECK_S)
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `set_on_signals`."""
        yield


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
