"""Serve metrics and probes over HTTP, for Prometheus and Kubernetes."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.metrics import Metrics
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.watchdog import Watchdog

REQUEST_S_MAX: Final = 10.0
"""The timeout of a request: an idle client must not occupy a thread for longer."""


class Probes:
    """Serves `/metrics`, and three probes that answer 200 if they hold, else 503.

    `/startupz`: what the service needs is loaded. `/healthz`: it makes progress. `/readyz`: it is ready.
    """

    def __init__(self, port: int, metrics: Metrics, watchdog: Watchdog, readiness: Readiness) -> None:
        answers = {"metrics": metrics, "watchdog": watchdog, "readiness": readiness}
        handler = type("Handler", (_Handler,), answers)
        try:
            # Listen on all interfaces: Prometheus and the kubelet connect from outside the container.
            self._server = ThreadingHTTPServer(("0.0.0.0", port), handler)  # noqa: S104
        except OSError as error:
            raise ConfigurationError(f"NEWSLOOM_METRICS_PORT={port}: cannot listen there: {error.strerror}") from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Start to serve, in a thread for each request."""
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def close(self) -> None:
        """Stop serving. Call it only after `start`."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    metrics: Metrics
    watchdog: Watchdog
    readiness: Readiness
    timeout = REQUEST_S_MAX

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(HTTPStatus.OK, generate_latest(self.metrics.registry), CONTENT_TYPE_LATEST)
        elif path == "/startupz":
            self._probe("" if self.readiness.has_started else "starting")
        elif path == "/healthz":
            self._probe("" if self.watchdog.is_healthy else f"no progress for {self.watchdog.idle_s:.0f} s")
        elif path == "/readyz":
            self._probe(self.readiness.obstacle)
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not found: use /metrics, /startupz, /healthz or /readyz\n")

    def _probe(self, obstacle: str) -> None:
        if obstacle:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{obstacle}\n".encode())
        else:
            self._answer(HTTPStatus.OK, b"ok\n")

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Log nothing: there is a probe every few seconds."""
