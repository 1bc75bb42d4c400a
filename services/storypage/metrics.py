"""The story page's own metrics, besides those of every service."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class PageMetrics:
    """Requests and live readers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "newsloom_page_requests", "Requests answered by the story page", ["status"], registry=registry
        )
        self.request_seconds = Histogram(
            "newsloom_page_request_seconds",
            "Time from a request to the end of its answer, without live streams",
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self.live_readers = Gauge("newsloom_page_live_readers", "Open streams of live updates", registry=registry)
