"""Articles of feeds are written once, edits are corrections, and no kill and no second process changes that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import msgspec
import pytest

from newsloom.contracts.article import Leaning
from newsloom.streaming.errors import Fenced
from newsloom.streaming.watchdog import TICK_S, TICKS_MAX, healthy_ticks
from services.feeds.feed_list import Feed
from services.ingest.article_parser import ParseOptions
from tests.unit.feeds.feed_server import Answer
from tests.unit.feeds.harness import Desk, article_id, item, rss

STUCK_ALERT_S = 60
"""From which age of its progress on NewsloomStuck fires."""


def growing(number: int, _headers: Mapping[str, str]) -> Answer:
    """Give one entry more with each request."""
    return Answer(body=rss(*(item(one) for one in range(number + 1, 0, -1))))


def test_each_new_entry_is_written_once(desk: Desk) -> None:
    url = desk.server.serve("/feed", growing)
    desk.run(url, hours=2)
    assert desk.ids() == [article_id(number) for number in range(1, 9)]


def test_an_edit_is_a_correction_under_the_same_id_and_so_is_its_undoing(desk: Desk) -> None:
    titles = ["Five missing", "Six missing", "Five missing"]
    url = desk.server.serve("/feed", lambda number, _headers: Answer(body=rss(item(1, title=titles[min(number, 2)]))))
    observed = desk.run(url, hours=2)
    assert [(article.id, article.title) for article in desk.articles()] == [(article_id(1), title) for title in titles]
    assert [(report.articles, report.corrections) for report in observed.reports[url]][:4] == [
        (1, 0),
        (0, 1),
        (0, 1),
        (0, 0),
    ]


def test_an_entry_that_comes_back_unchanged_is_not_written_again(desk: Desk) -> None:
    url = desk.server.serve(
        "/feed", lambda number, _headers: Answer(body=rss(item(2)) if number == 1 else rss(item(2), item(1)))
    )
    desk.run(url, hours=1)
    assert len(desk.ids()) == 2


def test_a_feed_that_never_gave_an_article_keeps_its_back_off_and_its_etag_over_restarts(desk: Desk) -> None:
    failing = desk.server.serve("/failing", Answer(500))
    empty = desk.server.serve("/empty", Answer(body=rss(), headers={"ETag": '"v1"'}))
    desk.run(failing, empty)
    desk.clock.now += 60
    assert set(desk.run(failing, empty).not_due) == {failing, empty}
    desk.clock.now += 900
    desk.run(failing, empty)
    assert [len(desk.server.asked(path)) for path in ("/failing", "/empty")] == [2, 2]
    assert [request.is_conditional for request in desk.server.asked("/empty")] == [False, True]
    assert desk.ids() == []


def test_two_feeds_with_one_article_give_it_one_id(desk: Desk) -> None:
    urls = [desk.server.serve(path, Answer(body=rss(item(1)))) for path in ("/top", "/world")]
    desk.run(*(Feed(url=url, outlet="Post") for url in urls))
    first, second = desk.articles()
    assert first == second


def test_the_list_says_what_the_feed_does_not(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss(item(1), head="<language>en</language>")))
    desk.run(Feed(url=url, outlet="Post", leaning=Leaning.RIGHT, edition="uk"))
    [article] = desk.articles()
    assert (article.outlet, article.leaning, article.edition, article.language) == ("Post", Leaning.RIGHT, "uk", "en")


def test_another_outlet_in_the_list_corrects_what_the_feed_still_has(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss(item(1)), headers={"ETag": '"v1"'}))
    desk.run(Feed(url=url, outlet="Post"))
    desk.clock.now += 900
    desk.run(Feed(url=url, outlet="Evening Post"))
    assert not desk.server.asked("/feed")[1].is_conditional
    assert [article.outlet for article in desk.articles()] == ["Post", "Evening Post"]


def test_the_edition_may_follow_the_language(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss(item(1), head="<language>de-AT</language>")))
    desk.run(url, parsing=ParseOptions(edition_from_language=True))
    assert [article.edition for article in desk.articles()] == ["de"]


def test_from_start_forgets_what_was_read(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss(item(1))))
    desk.run(url)
    desk.run(url, from_start=True)
    assert desk.ids() == [article_id(1)] * 2


def test_a_rejected_entry_is_reported_once_and_does_not_stop_the_others(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss("<guid>urn:empty</guid>", item(1))))
    observed = desk.run(url, hours=1)
    assert [[str(error) for error in report.rejected] for report in observed.reports[url]] == [
        ["text: title and text are both empty: there is nothing to compare"],
        [],
        [],
        [],
    ]
    assert desk.ids() == [article_id(1)]


def test_two_processes_on_one_feed_do_not_both_write(desk: Desk) -> None:
    url = desk.server.serve("/feed", growing)
    desk.run(url)
    desk.clock.now += 900
    calls: list[int] = []

    def read_it_in_between(number: int, headers: Mapping[str, str]) -> Answer:
        calls.append(number)
        if len(calls) == 1:
            desk.server.lock.release()
            try:
                desk.run(url, from_start=True)
            finally:
                desk.server.lock.acquire()
        return growing(number, headers)

    desk.server.scripts["/feed"] = read_it_in_between
    with pytest.raises(Fenced, match="another process reads the feed"):
        desk.run(url)


def test_after_kills_each_entry_is_written_once(desk: Desk) -> None:
    """A process that is killed at any request has written all articles of a document or none."""
    program = (
        "import sys, time; from pathlib import Path; from newsloom.streaming.open import open_log_url\n"
        "from newsloom.settings import Settings; from services.feeds.feed_list import Feed\n"
        "from services.feeds.runner import FeedPlan, FeedRun; from tests.unit.feeds.harness import Observed\n"
        "settings = Settings(log=sys.argv[1]); start = float(sys.argv[3])\n"
        "FeedRun(open_log_url(settings.log), settings, FeedPlan(feeds=(Feed(url=sys.argv[2]),)), Observed(), "
        "clock=lambda: start).run()\n"
    )
    processes: list[subprocess.Popen[bytes]] = []

    def kill_at_every_second_request(number: int, headers: Mapping[str, str]) -> Answer:
        if number % 2:
            processes[-1].kill()
        return growing(number, headers)

    url = desk.server.serve("/feed", kill_at_every_second_request)
    for _ in range(6):
        command = [sys.executable, "-c", program, desk.settings.log, url, str(desk.clock.now)]
        processes.append(subprocess.Popen(command))
        processes[-1].wait()
        desk.clock.now += 900
    assert [process.returncode for process in processes] == [0, -9] * 3
    assert desk.ids() == [article_id(number) for number in range(1, 6)]


def test_feeds_of_many_hosts_are_read_at_the_same_time_and_those_of_one_host_one_after_the_other(desk: Desk) -> None:
    paths = [f"/{number}" for number in range(6)]
    for path in paths:
        desk.server.serve(path, Answer(body=rss(item(int(path[1:])))))
    elsewhere = desk.server.url.replace("127.0.0.1", "localhost")
    desk.run(*(desk.server.url + path for path in paths), *(elsewhere + path for path in paths))
    times = [request.at for request in desk.server.requests if request.path != "/robots.txt"]
    assert sorted(times) == [time for number in range(6) for time in [times[0] + number] * 2]
    assert msgspec.json.encode(sorted(desk.ids())) == msgspec.json.encode(sorted(2 * [article_id(n) for n in range(6)]))


def test_a_long_wait_shows_the_watchdog_and_the_alert_that_the_process_is_alive(desk: Desk) -> None:
    gone = desk.server.serve("/gone", Answer(410))
    desk.run(desk.server.serve("/feed", growing), hours=1, interval_s=86_400)
    desk.run(gone, hours=1)
    assert desk.clock.longest_wait_s < min(STUCK_ALERT_S, healthy_ticks(TICKS_MAX) * TICK_S)
