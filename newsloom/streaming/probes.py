"""Metrics and probes over HTTP, for Prometheus and for whoever starts services again or sends them work."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.watchdog import Watchdog

REQUEST_S_MAX: Final = 10.0
"""A client that sends nothing holds a thread no longer."""


class Probes:
    """Answers `/metrics`, `/healthz` (200 while there is progress) and `/readyz` (200 once work can be done), else 503."""

    def __init__(self, port: int, metrics: Metrics, watchdog: Watchdog) -> None:
        class Handler(_Handler):
            pass

        Handler.metrics, Handler.watchdog = metrics, watchdog
        try:
            # Whoever asks is another machine, or another container.
            self._server = ThreadingHTTPServer(("0.0.0.0", port), Handler)  # noqa: S104
        except OSError as error:
            raise ConfigurationError(f"NEWSLOOM_METRICS_PORT={port}: cannot listen there: {error.strerror}") from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Begin to answer, in threads of its own."""
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Answer no more. Call it after `start`."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    metrics: Metrics
    watchdog: Watchdog
    timeout = REQUEST_S_MAX

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, generate_latest(self.metrics.registry), CONTENT_TYPE_LATEST)
        elif path == "/healthz":
            self._probe(self.watchdog.is_content, "no progress")
        elif path == "/readyz":
            self._probe(self.metrics.is_ready, "not joined, or partitions not restored")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there are /metrics, /healthz and /readyz\n")

    def _probe(self, holds: bool, why_not: str) -> None:
        if holds:
            self._answer(HTTPStatus.OK, b"ok\n")
        else:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{why_not}\n".encode())

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing: a probe a second is no news."""
