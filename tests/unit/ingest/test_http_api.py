"""POST /articles while the log is away."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from starlette.testclient import TestClient

from newsloom.streaming.errors import CommitFailed
from newsloom.streaming.records import Message
from services.ingest.article_parser import ParseOptions
from services.ingest.http_api import ArticlesApi, IngestMetrics
from tests.unit.ingest.harness import row


class UnsteadyLog:
    """Fails at the first batch."""

    def __init__(self) -> None:
        self.tries = 0
        self.written: list[bytes | None] = []

    async def write(self, messages: Sequence[Message]) -> None:
        self.tries += 1
        if self.tries == 1:
            raise CommitFailed("no broker answers")
        self.written += [message.key for message in messages]


def test_while_the_log_is_away_nothing_is_accepted_and_the_same_request_succeeds_later() -> None:
    log, metrics = UnsteadyLog(), IngestMetrics()
    api = ArticlesApi(log.write, ParseOptions(), metrics, topic="news.articles", record_bytes_max=1_048_576)
    client = TestClient(api.app())
    body = msgspec.json.encode(row(1))
    refused = client.post("/articles", content=body)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert refused.json()["detail"].startswith("the log is unavailable: send the request again")
    assert client.post("/articles", content=body).status_code == 202
    assert log.written == [b"a-1"]
    counted = {
        status: metrics.registry.get_sample_value("newsloom_ingest_requests_total", {"status": status})
        for status in ("202", "503")
    }
    assert counted == {"202": 1, "503": 1}
    assert metrics.registry.get_sample_value("newsloom_ingest_articles_total") == 1
