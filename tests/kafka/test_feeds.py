"""Feeds on Kafka: their state is in the offsets of their writers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from services.feeds.feed_document import ENTRIES_MAX
from tests.kafka.harness import NewLog
from tests.unit.feeds.feed_server import Answer
from tests.unit.feeds.harness import Desk, desk_on, item, rss
from tests.unit.feeds.test_misbehaving_server import with_etag

pytestmark = pytest.mark.kafka


@pytest.fixture
def desk(kafka_url: str, new_log: NewLog) -> Iterator[Desk]:
    settings = Settings(log=kafka_url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", partitions=2)
    log = new_log()
    log.admin().create(topic_specs(settings))
    with desk_on(log, settings) as desk:
        yield desk


def test_the_next_process_knows_what_the_last_one_has_written(desk: Desk) -> None:
    full = rss(*(item(number) for number in range(ENTRIES_MAX)))
    url = desk.server.serve("/feed", with_etag('"' + "v" * 190 + '"', full))
    desk.run(url)
    desk.clock.now += 900
    observed = desk.run(url)
    assert [request.answer.status for request in desk.server.asked("/feed")] == [200, 304]
    assert observed.failures == {}
    edited = rss(item(0, title="Edited"), *(item(number) for number in range(1, ENTRIES_MAX)))
    desk.server.serve("/feed", Answer(body=edited))
    desk.clock.now += 900
    [report] = desk.run(url).reports[url]
    assert (report.articles, report.corrections, report.unchanged) == (0, 1, ENTRIES_MAX - 1)
    assert len(desk.ids()) == ENTRIES_MAX + 1


def test_a_feed_without_an_article_needs_no_further_rights(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss()))
    assert desk.run(url).failures == {}
    assert desk.ids() == []
