"""The web application on a read model, with a client."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from newsloom.settings import Settings
from services.storypage.app import build_app
from services.storypage.context import Context
from services.storypage.live import LiveUpdates
from services.storypage.metrics import PageMetrics

NOW: Final = datetime(2026, 12, 1, 12, tzinfo=UTC)


def client_of(
    settings: Settings, connect: Callable[[], sqlite3.Connection], live: LiveUpdates | None = None
) -> TestClient:
    """Return a client that follows no redirects."""
    context = Context(settings, live or LiveUpdates(), connect, now=lambda: NOW)
    app = build_app(context, PageMetrics(CollectorRegistry()))
    return TestClient(app, follow_redirects=False, raise_server_exceptions=False)
