"""Serve metrics and probes over HTTP, for Prometheus and Kubernetes."""

from __future__ import annotations

from http import HTTPStatus

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.http_server import Answer, HttpServer
from newsloom.streaming.readiness import Readiness
from newsloom.streaming.watchdog import Watchdog


class Probes:
    """Serves `/metrics`, and three probes that answer 200 if they hold, else 503.

    `/startupz`: what the service needs is loaded. `/healthz`: it makes progress. `/readyz`: it is ready.
    """

    def __init__(
        self, address: str, port: int, registry: CollectorRegistry, watchdog: Watchdog, readiness: Readiness
    ) -> None:
        self._registry = registry
        self._watchdog = watchdog
        self._readiness = readiness
        try:
            self._server = HttpServer(address, port, self._answer)
        except OSError as error:
            raise ConfigurationError(
                f"NEWSLOOM_METRICS_ADDRESS={address} NEWSLOOM_METRICS_PORT={port}: cannot listen there: {error.strerror or error}"
            ) from error
        self.port = self._server.port

    def start(self) -> None:
        """Start to serve, in a thread."""
        self._server.start()

    def close(self) -> None:
        """Stop serving. Call it only after `start`."""
        self._server.close()

    def _answer(self, path: str) -> Answer:
        if path == "/metrics":
            return Answer(HTTPStatus.OK, generate_latest(self._registry), CONTENT_TYPE_LATEST)
        if path == "/startupz":
            return _probe("" if self._readiness.has_started else "starting")
        if path == "/healthz":
            return _probe("" if self._watchdog.is_healthy else f"no progress for {self._watchdog.idle_s:.0f} s")
        if path == "/readyz":
            return _probe(self._readiness.obstacle)
        return Answer(HTTPStatus.NOT_FOUND, b"not found: use /metrics, /startupz, /healthz or /readyz\n")


def _probe(obstacle: str) -> Answer:
    if obstacle:
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{obstacle}\n".encode())
    return Answer(HTTPStatus.OK, b"ok\n")
