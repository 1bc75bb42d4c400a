"""Files get onto the log, each line once."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsloom.contracts.codec import decode_article
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from services.ingest.article_parser import ParseOptions
from services.ingest.lines import UnreadableInput
from services.ingest.runner import LINES_MAX, IngestPlan, IngestResult, ingest
from tests.unit.ingest.harness import Notes, articles, ids, new_log, row, write_rows

Newsroom = tuple[Log, Settings]


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    log, settings = new_log(tmp_path)
    yield log, settings
    log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.jsonl"


def take_in(newsroom: Newsroom, path: Path, notes: Notes | None = None, **plan: object) -> IngestResult:
    log, settings = newsroom
    return ingest(log, settings, IngestPlan(file=str(path), **plan), notes or Notes())  # type: ignore[arg-type]


def test_articles_and_retractions_become_records(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [row(1, published_at="2025-08-03"), {"id": "a-1", "retracted": True, "edition": "uk"}])
    before_ms = time.time_ns() // 1_000_000
    report = take_in(newsroom, path)
    assert (report.lines, report.articles, report.retractions, report.rejected) == (2, 1, 1, 0)
    published, retracted = articles(newsroom[0])
    assert decode_article(published.value or b"").title == "Title 1"
    assert published.timestamp_ms >= before_ms
    assert published.header("ce_type") == "newsloom.article.published.v1"
    assert (published.header("ce_source"), published.header("ce_subject")) == ("newsloom/ingest", "main/a-1")
    assert published.header("edition") is None
    assert (retracted.key, retracted.value, retracted.header("edition")) == (b"a-1", None, "uk")
    assert retracted.header("ce_type") == "newsloom.article.retracted.v1"


def test_an_event_id_stands_for_one_content_and_a_trace_for_one_sending(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [row(1), row(1), row(1, title="Corrected")])
    take_in(newsroom, path)
    first, again, corrected = articles(newsroom[0])
    assert first.header("ce_id") == again.header("ce_id") != corrected.header("ce_id")
    traces = {record.header("traceparent") for record in (first, again, corrected)}
    assert len(traces) == 3
    assert all(trace and [len(part) for part in trace.split("-")] == [2, 32, 16, 2] for trace in traces)


def test_rejected_lines_are_told_and_do_not_stop_the_rest(newsroom: Newsroom, path: Path) -> None:
    write_rows(
        path, [row(1), b"{", b"", {"id": "x"}, row(2, text="x" * 299_000 + "\U0001f30a"), row(3, text="é" * 299_999)]
    )
    notes = Notes()
    report = take_in(newsroom, path, notes)
    assert ids(newsroom[0]) == ["a-1", "a-2", "a-3"]
    assert (report.lines, report.articles, report.rejected) == (6, 3, 2)
    assert [number for number, _ in notes.rejections] == [2, 4]
    assert notes.rejections[1][1] == "text: missing"


def test_a_record_over_the_topics_limit_is_rejected(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [row(1, text="\U0001f30a" * 290_000), row(2)])
    notes = Notes()
    take_in(newsroom, path, notes)
    assert ids(newsroom[0]) == ["a-2"]
    assert "bytes as a record, over the limit of 1,048,064 of news.articles" in notes.rejections[0][1]


def test_the_same_file_again_brings_nothing(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [row(number) for number in range(LINES_MAX + 10)])
    notes = Notes()
    assert take_in(newsroom, path, notes).lines == LINES_MAX + 10
    assert notes.batches == 2
    again = take_in(newsroom, path)
    assert (again.lines_skipped, again.lines) == (LINES_MAX + 10, 0)
    assert len(ids(newsroom[0])) == LINES_MAX + 10


def test_lines_added_at_the_end_are_all_that_is_taken_in(newsroom: Newsroom, path: Path) -> None:
    path.write_bytes(b'{"id": "a-1", "title": "t", "text": "x"}')
    take_in(newsroom, path)
    with path.open("ab") as file:
        file.write(b'\n{"id": "a-2", "title": "t", "text": "x"}\n')
    notes = Notes()
    take_in(newsroom, path, notes)
    assert ids(newsroom[0]) == ["a-1", "a-2"]
    assert notes.lines_skipped == [1]


@pytest.mark.parametrize("rows", [[row(1), row(9), row(3)], [row(1), row(2)], []])
def test_a_changed_file_is_taken_in_from_its_start(newsroom: Newsroom, path: Path, rows: list[object]) -> None:
    write_rows(path, [row(1), row(2), row(3)])
    take_in(newsroom, path)
    write_rows(path, rows)
    report = take_in(newsroom, path)
    assert (report.lines_skipped, report.lines) == (0, len(rows))


def test_other_rules_make_other_articles_of_the_same_file(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [{"key": "a-1", "title": "t", "text": "x"}])
    assert take_in(newsroom, path).rejected == 1
    assert take_in(newsroom, path, parsing=ParseOptions(sources={"id": "key"})).articles == 1


def test_from_start_forgets_earlier_runs(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [row(1)])
    take_in(newsroom, path)
    assert take_in(newsroom, path, from_start=True).articles == 1
    assert ids(newsroom[0]) == ["a-1", "a-1"]


def test_a_strict_ingest_ends_at_the_rejected_line_and_goes_on_there_once_it_is_mended(
    newsroom: Newsroom, path: Path
) -> None:
    write_rows(path, [row(1), b"{", row(3)])
    report = take_in(newsroom, path, strict=True)
    assert (report.lines, report.rejected, report.stopped_early) == (1, 1, True)
    assert ids(newsroom[0]) == ["a-1"]
    write_rows(path, [row(1), row(2), row(3)])
    assert take_in(newsroom, path, strict=True).lines_skipped == 1
    assert ids(newsroom[0]) == ["a-1", "a-2", "a-3"]


def test_what_stands_before_the_damage_is_in(newsroom: Newsroom, path: Path) -> None:
    rows = b"".join(
        b'{"id": "%d", "title": "%s", "text": "x"}\n' % (n, os.urandom(30).hex().encode()) for n in range(3_000)
    )
    path.write_bytes(gzip.compress(rows)[:-20_000])
    with pytest.raises(UnreadableInput):
        take_in(newsroom, path)
    taken = ids(newsroom[0])
    assert taken == [str(number) for number in range(len(taken))]
    assert len(taken) >= LINES_MAX


def test_a_stop_ends_between_batches(newsroom: Newsroom, path: Path) -> None:
    write_rows(path, [row(number) for number in range(3 * LINES_MAX)])
    stop = threading.Event()

    class StopAtFirst(Notes):
        def on_committed(self, report: IngestResult, fraction_read: float | None) -> None:
            super().on_committed(report, fraction_read)
            stop.set()

    log, settings = newsroom
    report = ingest(log, settings, IngestPlan(file=str(path)), StopAtFirst(), stop=stop)
    assert (report.lines, report.stopped_early) == (LINES_MAX, True)
    assert take_in(newsroom, path).lines == 2 * LINES_MAX


def test_without_topics_it_says_what_to_do(tmp_path: Path, path: Path) -> None:
    settings = Settings(log=f"sqlite:///{tmp_path / 'empty.db'}")
    log = open_log_url(settings.log)
    write_rows(path, [row(1)])
    with pytest.raises(ConfigurationError, match="newsloom topics create"):
        ingest(log, settings, IngestPlan(file=str(path)), Notes())
    log.close()


def test_killed_in_the_middle_and_run_again_each_line_is_in_once(newsroom: Newsroom, path: Path) -> None:
    lines = 20_000
    write_rows(path, [row(number) for number in range(lines)])
    log, settings = newsroom
    command = [sys.executable, "-m", "services.cli", "--log", settings.log, "ingest", str(path)]
    admin = log.admin()
    taken = 0
    for _kill in range(2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while sum(admin.end_offsets(["news.articles"]).values()) <= taken and time.monotonic() < deadline:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        taken = sum(admin.end_offsets(["news.articles"]).values())
        assert 0 < taken < lines
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert Counter(ids(log)) == Counter(f"a-{number}" for number in range(lines))
