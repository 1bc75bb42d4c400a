"""A server that breaks every rule is asked politely, memory stays bounded, and every article is in once."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from services.feeds.feed_document import ENTRIES_MAX
from services.feeds.fetch import FEED_BYTES_MAX
from tests.unit.feeds.feed_server import Answer, Script
from tests.unit.feeds.harness import Desk, article_id, item, rss

GOOD = rss(item(2), item(1))


def with_etag(etag: str, body: bytes = GOOD) -> Script:
    """Answer 304 to whoever has this version."""

    def script(_number: int, headers: Mapping[str, str]) -> Answer:
        if headers.get("if-none-match") == etag:
            return Answer(304, headers={"ETag": etag})
        return Answer(body=body, headers={"ETag": etag})

    return script


def sequence(*answers: Answer) -> Script:
    """Give these answers one after the other, the last one for ever."""
    return lambda number, _headers: answers[min(number, len(answers) - 1)]


def test_an_unchanged_feed_is_asked_for_with_its_etag_and_written_once(desk: Desk) -> None:
    url = desk.server.serve("/feed", with_etag('"v1"'))
    observed = desk.run(url, hours=2)
    assert desk.ids() == [article_id(1), article_id(2)]
    requests = desk.server.asked("/feed")
    assert len(requests) == 8
    assert [request.answer.status for request in requests] == [200] + [304] * 7
    assert desk.server.impolite() == []
    assert len(desk.server.asked("/robots.txt")) == 1
    assert observed.failures == {}


def test_the_next_process_asks_with_the_etag_of_the_last_one(desk: Desk) -> None:
    url = desk.server.serve("/feed", with_etag('"v1"'))
    desk.run(url)
    desk.clock.now += 900
    assert desk.run(url).not_due == {}
    assert [request.answer.status for request in desk.server.asked("/feed")] == [200, 304]
    assert len(desk.server.asked("/robots.txt")) == 1
    assert len(desk.ids()) == 2


def test_a_process_that_starts_too_early_asks_for_nothing(desk: Desk) -> None:
    url = desk.server.serve("/feed", with_etag('"v1"'))
    desk.run(url)
    desk.clock.now += 899
    assert list(desk.run(url).not_due) == [url]
    assert len(desk.server.asked("/feed")) == 1


def test_last_modified_serves_like_an_etag(desk: Desk) -> None:
    modified = {"Last-Modified": "Tue, 10 Nov 2026 08:00:00 GMT"}
    url = desk.server.serve("/feed", Answer(body=GOOD, headers=modified))
    desk.run(url, hours=1)
    assert [request.is_conditional for request in desk.server.asked("/feed")] == [False, True, True, True]
    assert desk.server.impolite() == []


def test_a_changed_etag_with_the_same_entries_writes_nothing(desk: Desk) -> None:
    url = desk.server.serve("/feed", lambda number, _headers: Answer(body=GOOD, headers={"ETag": f'"v{number}"'}))
    observed = desk.run(url, hours=1)
    assert len(desk.ids()) == 2
    assert [report.unchanged for report in observed.reports[url]] == [0, 2, 2, 2]
    assert desk.server.impolite() == []


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(desk: Desk, status: int) -> None:
    url = desk.server.serve("/feed", sequence(Answer(status, headers={"Retry-After": "7200"}), Answer(body=GOOD)))
    observed = desk.run(url, hours=3)
    first, second = desk.server.asked("/feed")[:2]
    assert second.at - first.at >= 7200
    assert desk.server.impolite() == []
    assert f"answers {status}" in observed.failures[url][0][0]
    assert len(desk.ids()) == 2


def test_retry_after_is_waited_for_by_the_next_process_too(desk: Desk) -> None:
    url = desk.server.serve("/feed", sequence(Answer(body=GOOD), Answer(429, headers={"Retry-After": "7200"})))
    desk.run(url, hours=0.3)
    desk.clock.now += 3_600
    assert list(desk.run(url).not_due) == [url]
    assert desk.server.impolite() == []


def test_max_age_is_waited_for(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=GOOD, headers={"Cache-Control": "max-age=3000"}))
    desk.run(url, hours=2)
    assert len(desk.server.asked("/feed")) == 3
    assert desk.server.impolite() == []


def test_a_feed_that_fails_is_asked_for_less_and_less_often(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(500))
    desk.run(url, hours=24)
    times = [request.at for request in desk.server.asked("/feed")]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == [900, 1_800, 3_600, 7_200, 14_400, 28_800]


def test_an_etag_belongs_to_the_url_behind_the_redirect(desk: Desk) -> None:
    etag = {"ETag": '"redirect"'}
    url = desk.server.serve("/feed", Answer(302, headers={"Location": "/real", **etag}))
    desk.server.serve("/real", with_etag('"real"'))
    desk.run(url, hours=1)
    assert {request.is_conditional for request in desk.server.asked("/feed")} == {False}
    assert [request.answer.status for request in desk.server.asked("/real")] == [200, 304, 304, 304]
    assert len(desk.ids()) == 2


def test_a_feed_that_has_moved_for_good_is_asked_for_where_it_is(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(301, headers={"Location": "/new"}))
    desk.server.serve("/new", with_etag('"v1"'))
    observed = desk.run(url, hours=1)
    desk.run(url, hours=1)
    assert len(desk.server.asked("/feed")) == 1
    assert observed.moved == {url: f"{desk.server.url}/new"}
    assert [request.answer.status for request in desk.server.asked("/new")][:2] == [200, 304]
    assert desk.server.impolite() == []
    assert len(desk.ids()) == 2


def test_a_new_address_that_fails_is_given_up_for_the_one_in_the_list(desk: Desk) -> None:
    moved = Answer(301, headers={"Location": "/parked"})
    url = desk.server.serve("/feed", sequence(moved, Answer(body=GOOD)))
    desk.server.serve("/parked", sequence(Answer(body=rss(item(1))), Answer(404)))
    desk.run(url, hours=1)
    assert desk.ids() == [article_id(1), article_id(2)]


def test_a_feed_that_is_gone_is_never_asked_for_again(desk: Desk) -> None:
    url = desk.server.serve("/feed", sequence(Answer(body=GOOD), Answer(410)))
    observed = desk.run(url, hours=100)
    assert len(desk.server.asked("/feed")) == 2
    assert observed.failures[url] == [
        ("answers 410 (gone): the publisher has removed it; delete it from the list. It is not asked for again", None)
    ]
    assert desk.run(url).not_due == {url: None}


def test_robots_that_forbid_it_keep_the_feed_unread(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=GOOD))
    desk.server.serve("/robots.txt", Answer(body=b"User-agent: newsloom\nDisallow: /feed\n"))
    observed = desk.run(url, hours=1)
    assert desk.server.asked("/feed") == []
    assert "the robots.txt of 127.0.0.1 forbids it" in observed.failures[url][0][0]
    assert len(desk.server.asked("/robots.txt")) == 1


def test_robots_that_answer_5xx_keep_the_feed_unread_until_they_answer(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=GOOD))
    desk.server.serve("/robots.txt", sequence(Answer(503, headers={"Retry-After": "3600"}), Answer(404)))
    observed = desk.run(url, hours=2)
    assert "robots.txt answers 503" in observed.failures[url][0][0]
    assert len(desk.ids()) == 2
    assert desk.server.impolite() == []


@pytest.mark.parametrize(
    "rules",
    [
        b"Disallow: /" + b"*a" * 5_000 + b"b",
        b"Crawl-delay: nan",
        b"Crawl-delay: -1",
        b"Crawl-delay: x",
        b"\xff" * 600_000,
    ],
    ids=["wildcards", "nan", "negative", "no number", "large"],
)
def test_strange_robots_take_no_time_and_forbid_nothing(desk: Desk, rules: bytes) -> None:
    url = desk.server.serve("/feed" + "a" * 2_000, Answer(body=GOOD))
    desk.server.serve("/robots.txt", Answer(body=b"User-agent: *\n" + rules + b"\n"))
    desk.run(url, hours=0.5)
    assert len(desk.ids()) == 2
    assert len(desk.server.asked("/feed" + "a" * 2_000)) == 2


def test_the_pause_that_robots_ask_for_is_kept_between_feeds_of_a_host(desk: Desk) -> None:
    urls = [desk.server.serve(f"/{number}", Answer(body=rss(item(number)))) for number in range(4)]
    desk.server.serve("/robots.txt", Answer(body=b"User-agent: *\nCrawl-delay: 40\n"))
    desk.run(*urls)
    times = sorted(request.at for request in desk.server.requests if request.path != "/robots.txt")
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [40, 40, 40]
    assert desk.server.busy_max == 1


def endless(piece: bytes) -> Iterator[bytes]:
    while True:
        yield piece


def test_an_endless_body_is_cut_off(desk: Desk) -> None:
    url = desk.server.serve("/feed", lambda _number, _headers: Answer(body=endless(b"<rss>" * 1_000)))
    observed = desk.run(url)
    assert "over 4,096 KiB" in observed.failures[url][0][0]
    assert desk.server.bytes_sent < 4 * FEED_BYTES_MAX


def gzip_bomb() -> bytes:
    """Return 200 MB of spaces, in 200 KB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(b" " * 10_000_000) for _ in range(20)), packer.flush()])


def test_a_gzip_bomb_is_not_unpacked(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=gzip_bomb(), headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    observed = desk.run(url)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "over 4,096 KiB" in observed.failures[url][0][0]
    assert peak_bytes < 8 * FEED_BYTES_MAX


def test_a_gzip_body_is_read(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=gzip.compress(GOOD), headers={"Content-Encoding": "gzip"}))
    desk.run(url)
    assert len(desk.ids()) == 2


def test_bytes_that_drip_end_at_the_deadline(desk: Desk) -> None:
    def drip() -> Iterator[bytes]:
        while not desk.server.released.wait(0.05):
            yield b" "

    url = desk.server.serve("/feed", lambda _number, _headers: Answer(body=drip()))
    good = desk.server.serve("/good", Answer(body=GOOD))
    observed = desk.run(url, good, deadline_s=1)
    assert "no complete answer within 1 s" in observed.failures[url][0][0]
    assert len(desk.ids()) == 2


FAULTS: dict[str, tuple[Answer, str]] = {
    "HTML instead of a feed": (
        Answer(body=b"<!DOCTYPE html><html><head><title>News</title></head><body>x</body></html>"),
        "a page, not a feed: look for the address",
    ),
    "a page that names its feed": (
        Answer(body=b'<html><head><link rel="alternate" type="application/rss+xml" href="/f.xml"></head></html>'),
        "/f.xml",
    ),
    "no content": (Answer(), "the answer is empty"),
    "another format": (Answer(body=b"%PDF-1.7"), "neither RSS, Atom nor JSON Feed"),
    "JSON of another kind": (Answer(body=b'{"items": []}'), "JSON, but no JSON Feed"),
    "broken JSON": (Answer(body=b'{"items": ['), "begins like JSON, but is not"),
    "304 without a condition": (Answer(304), "answers 304 (not modified) to a request without a condition"),
    "a loop of redirects": (Answer(302, headers={"Location": "/feed"}), "more than 5 redirects"),
    "a redirect to nowhere": (Answer(302), "redirects to ''"),
    "a redirect to a file": (
        Answer(302, headers={"Location": "file:///etc/passwd"}),
        "redirects to 'file:///etc/passwd'",
    ),
    "a body that ends too early": (Answer(body=GOOD, headers={"Content-Length": "9999"}), "no valid HTTP"),
    "a gzip body that ends too early": (
        Answer(body=gzip.compress(GOOD)[:-20], headers={"Content-Encoding": "gzip"}),
        "the compressed answer ends too early",
    ),
    "damaged gzip": (Answer(body=b"\x1f\x8b" + b"x" * 90, headers={"Content-Encoding": "gzip"}), "is damaged"),
    "an encoding that was not asked for": (
        Answer(body=b"x", headers={"Content-Encoding": "br"}),
        "compressed with 'br'",
    ),
    "a document that feedparser fails on": (
        Answer(
            body=rss(
                "<psc:chapters xmlns:psc='http://podlove.org/simple-chapters' version='1.1'><psc:chapter/></psc:chapters>"
            )
        ),
        "cannot be read, because of a defect of the program that reads it: TypeError",
    ),
    "no HTTP": (Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"), "no valid HTTP"),
    "a password is needed": (Answer(401), "write https://user:password@host/"),
    "forbidden": (Answer(403), "the server refuses this program"),
    "missing": (Answer(404), "there is nothing at this address"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_feed_that_fails_says_why_and_does_not_stop_the_others(desk: Desk, fault: str) -> None:
    answer, reason = FAULTS[fault]
    bad = desk.server.serve("/feed", answer)
    good = desk.server.serve("/good", Answer(body=GOOD))
    observed = desk.run(bad, good)
    assert reason in observed.failures[bad][0][0]
    assert desk.ids() == [article_id(1), article_id(2)]


def test_a_server_without_tls_is_named_with_the_fix(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=GOOD)).replace("http:", "https:")
    reason, _ = desk.run(url).failures[url][0]
    assert "no valid TLS at 127.0.0.1" in reason
    assert "write http:// in its URL" in reason


def test_a_server_that_is_away_is_named(desk: Desk) -> None:
    reasons = [
        reason for [(reason, _)] in desk.run("http://127.0.0.1:9/feed", "http://a.invalid/feed").failures.values()
    ]
    assert any("127.0.0.1 cannot be reached" in reason for reason in reasons)
    assert any("the name a.invalid cannot be resolved" in reason for reason in reasons)


def test_a_failed_answer_does_not_replace_the_etag_of_the_last_good_one(desk: Desk) -> None:
    page = Answer(body=b"<html>maintenance</html>", headers={"ETag": '"page"'})

    def script(number: int, headers: Mapping[str, str]) -> Answer:
        return page if number == 1 else with_etag('"v1"')(number, headers)

    url = desk.server.serve("/feed", script)
    desk.run(url, hours=1)
    assert [request.answer.status for request in desk.server.asked("/feed")] == [200, 200, 304, 304]
    assert len(desk.ids()) == 2


FEEDS: dict[str, tuple[Callable[[], bytes], int]] = {
    "empty": (rss, 0),
    "more entries than are read": (lambda: rss(*(item(number) for number in range(1_000, 0, -1))), ENTRIES_MAX),
    "entries that multiply": (
        lambda: (
            b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
            + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
            + b"]>"
            + rss("<title>&j;</title><guid>https://post.example/a/1</guid>").partition(b"?>")[2]
        ),
        1,
    ),
    "a wrong charset": (lambda: rss(item(1, title="Übung")).decode().encode("latin-1"), 1),
    "half of a surrogate pair": (lambda: rss(item(1, title="A &#xD800; B")), 1),
    "the same guid twice": (lambda: rss(item(1), item(1, title="Title 1 again")), 1),
    "one guid for all entries": (
        lambda: rss(*(f"<title>t</title><link>https://post.example/a/{n}</link><guid>feed</guid>" for n in range(3))),
        3,
    ),
    "entries without a guid": (
        lambda: rss(*(f"<title>t</title><link>https://post.example/a/{n}</link>" for n in range(3))),
        3,
    ),
    "an entry with nothing": (lambda: rss("", item(1)), 1),
}


@pytest.mark.parametrize("case", FEEDS)
def test_every_article_of_a_strange_feed_is_in_once(desk: Desk, case: str) -> None:
    make, number = FEEDS[case]
    url = desk.server.serve("/feed", Answer(body=make()))
    observed = desk.run(url, hours=1)
    assert observed.failures == {}
    assert len(desk.ids()) == len(set(desk.ids())) == number
    assert len(desk.server.asked("/feed")) == 4
