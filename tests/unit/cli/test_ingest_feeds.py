"""`newsloom ingest` with feeds: messages, exit statuses, signals, metrics."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from services.cli.commands import ingest, run
from services.feeds.metrics import FeedMetrics
from tests.unit.feeds.feed_server import Answer
from tests.unit.feeds.harness import Desk, article_id, item, open_desk, rss
from tests.unit.test_docs import OPERATIONS, metric_rows, table


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path) as opened:
        yield opened


def run_ingest(desk: Desk, *arguments: str) -> Result:
    return CliRunner().invoke(ingest.command, arguments, obj=desk.settings)


def feed_list(desk: Desk, folder: Path, *paths: str) -> str:
    path = folder / "feeds.toml"
    path.write_text("".join(f"[[feed]]\nurl = '{desk.server.url}{one}'\noutlet = 'Post'\n" for one in paths))
    return str(path)


def test_one_feed(desk: Desk) -> None:
    url = desk.server.serve("/feed", Answer(body=rss(item(1))))
    result = run_ingest(desk, url)
    assert (result.stdout, result.stderr, result.exit_code) == ("ingested 1 article from 1 feed\n", "", 0)
    assert desk.ids() == [article_id(1)]
    again = run_ingest(desk, url)
    assert again.stdout == "ingested 0 articles from 0 feeds; 1 feed not due\n"
    assert again.stderr.startswith(f"{url}: not due before 20")
    assert again.exit_code == 0


def test_a_list_with_a_feed_that_fails(desk: Desk, tmp_path: Path) -> None:
    desk.server.serve("/good", Answer(body=rss(item(1), "<guid>urn:x</guid>")))
    desk.server.serve("/bad", Answer(404))
    result = run_ingest(desk, feed_list(desk, tmp_path, "/bad", "/good"))
    assert result.stdout == "ingested 1 article from 1 feed; 1 rejected; 1 feed failed\n"
    bad, rejected = result.stderr.splitlines()
    assert bad.startswith(
        f"{desk.server.url}/bad: answers 404: there is nothing at this address: check the URL; no request "
    )
    assert rejected.startswith(f"{desk.server.url}/good: an entry is rejected: text: title and text are both empty")
    assert result.exit_code == 0


def test_a_run_in_which_every_feed_fails_has_failed(desk: Desk) -> None:
    assert run_ingest(desk, desk.server.url + "/missing").exit_code == 1


def test_a_password_in_the_url_is_not_printed(desk: Desk) -> None:
    url = desk.server.serve("/missing", Answer(404)).replace("http://", "http://jane:secret@")
    result = run_ingest(desk, url)
    assert "secret" not in result.output
    assert desk.server.asked("/missing")[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["articles.jsonl", "--follow"], "--follow needs a feed's URL or a list of feeds, LIST.toml"),
        (["https://post.example", "--strict"], "--map, --strict and --rejects are for files of articles"),
        (["missing.toml"], "missing.toml cannot be read: No such file"),
    ],
)
def test_wrong_usage_exits_with_2(desk: Desk, arguments: list[str], message: str) -> None:
    result = run_ingest(desk, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_run_says_how_to_read_feeds(desk: Desk) -> None:
    result = CliRunner().invoke(run.command, ["--ingest", "feeds.toml"], obj=desk.settings)
    assert (result.exit_code, "newsloom ingest feeds.toml --follow" in result.stderr) == (2, True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_following_logs_serves_metrics_and_ends_at_a_signal(desk: Desk, tmp_path: Path) -> None:
    desk.server.serve("/good", Answer(body=rss(item(1))))
    desk.server.serve("/moved", Answer(301, headers={"Location": "/good"}))
    desk.server.serve("/bad", Answer(410))
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "services.cli",
            "ingest",
            feed_list(desk, tmp_path, "/bad", "/good", "/moved"),
            "--follow",
        ],
        env={**os.environ, "NEWSLOOM_LOG": desk.settings.log, "NEWSLOOM_METRICS_PORT": str(port)},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    events: list[dict[str, object]] = []
    while not events or events[-1]["event"] != "feed.moved":
        events.append(msgspec.json.decode(process.stderr.readline()))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        metrics = answer.read().decode()
    process.send_signal(signal.SIGTERM)
    with process.stderr:
        events += map(msgspec.json.decode, process.stderr)
    assert process.wait(timeout=60) == 0
    assert [event["event"] for event in events] == [
        "service.started",
        "feed.gone",
        "feed.read",
        "feed.moved",
        "feed.read",
        "service.stopped",
    ]
    assert "newsloom_feeds 3.0" in metrics
    assert "newsloom_feeds_failing 1.0" in metrics
    assert 'newsloom_feed_requests_total{outcome="gone"} 1.0' in metrics
    assert desk.ids() == [article_id(1)] * 2


def test_following_without_topics_ends_with_the_status_of_a_wrong_setting(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "services.cli",
            "--log",
            f"sqlite:///{tmp_path}/none.db",
            "ingest",
            "http://127.0.0.1:9",
            "--follow",
        ],
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 78
    assert b'"event": "service.failed"' in ended.stderr


def test_the_documented_metrics_are_those_of_the_code() -> None:
    described = {
        row[0].strip("`"): row[1:] for row in table(OPERATIONS, "| metric of feeds | type | labels | meaning |")
    }
    assert described == metric_rows(FeedMetrics().registry)
