"""Each line of a file is written to the log once."""

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
from tests.unit.ingest.harness import RecordingObserver, articles, ids, new_log, row, write_rows

LogAndSettings = tuple[Log, Settings]


@pytest.fixture
def log_and_settings(tmp_path: Path) -> Iterator[LogAndSettings]:
    log, settings = new_log(tmp_path)
    yield log, settings
    log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.jsonl"


def run_ingest(
    log_and_settings: LogAndSettings, path: Path, observer: RecordingObserver | None = None, **plan: object
) -> IngestResult:
    log, settings = log_and_settings
    return ingest(log, settings, IngestPlan(file=str(path), **plan), observer or RecordingObserver())  # type: ignore[arg-type]


def test_articles_and_retractions_become_records(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1, published_at="2025-08-03"), {"id": "a-1", "retracted": True, "edition": "uk"}])
    before_ms = time.time_ns() // 1_000_000
    result = run_ingest(log_and_settings, path)
    assert (result.lines, result.articles, result.retractions, result.rejected) == (2, 1, 1, 0)
    published, retracted = articles(log_and_settings[0])
    assert decode_article(published.value or b"").title == "Title 1"
    assert published.timestamp_ms >= before_ms
    assert published.header("ce_type") == "newsloom.article.published.v1"
    assert (published.header("ce_source"), published.header("ce_subject")) == ("newsloom/ingest", "main/a-1")
    assert published.header("edition") is None
    assert (retracted.key, retracted.value, retracted.header("edition")) == (b"a-1", None, "uk")
    assert retracted.header("ce_type") == "newsloom.article.retracted.v1"


def test_event_ids_depend_on_the_content_and_every_record_has_its_own_trace(
    log_and_settings: LogAndSettings, path: Path
) -> None:
    write_rows(path, [row(1), row(1), row(1, title="Corrected")])
    run_ingest(log_and_settings, path)
    first, again, corrected = articles(log_and_settings[0])
    assert first.header("ce_id") == again.header("ce_id") != corrected.header("ce_id")
    traces = {record.header("traceparent") for record in (first, again, corrected)}
    assert len(traces) == 3
    assert all(trace and [len(part) for part in trace.split("-")] == [2, 32, 16, 2] for trace in traces)


def test_rejected_lines_are_reported_and_do_not_stop_the_others(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(
        path, [row(1), b"{", b"", {"id": "x"}, row(2, text="x" * 299_000 + "\U0001f30a"), row(3, text="é" * 299_999)]
    )
    observer = RecordingObserver()
    result = run_ingest(log_and_settings, path, observer)
    assert ids(log_and_settings[0]) == ["a-1", "a-2", "a-3"]
    assert (result.lines, result.articles, result.rejected) == (6, 3, 2)
    assert [number for number, _ in observer.rejections] == [2, 4]
    assert observer.rejections[1][1] == "text: missing"


def test_cut_articles_and_dates_without_a_zone_are_counted(log_and_settings: LogAndSettings, path: Path) -> None:
    rows = [
        row(1, published_at="2025-08-03 10:00"),
        row(2, published_at="Sun, 03 Aug 2025 10:00:00 GMT"),
        row(3) | {"text": "It rained. " * 30_000},
    ]
    write_rows(path, rows)
    result = ingest(*log_and_settings, IngestPlan(file=str(path)), RecordingObserver())
    assert result == IngestResult(lines=3, articles=3, articles_cut=1, zones_assumed=1)
    last = decode_article(articles(log_and_settings[0])[-1].value or b"")
    assert last.text.endswith("It rained. [cut]")


def test_an_article_older_than_the_topics_retention_stays_on_the_log(
    log_and_settings: LogAndSettings, path: Path
) -> None:
    write_rows(path, [row(1, published_at="1999-01-01")])
    ingest(*log_and_settings, IngestPlan(file=str(path)), RecordingObserver())
    write_rows(path, [row(1, published_at="1999-01-01"), row(2)])
    ingest(*log_and_settings, IngestPlan(file=str(path)), RecordingObserver())
    assert ids(log_and_settings[0]) == ["a-1", "a-2"]


def test_a_record_over_the_topics_limit_is_rejected(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1, text="\U0001f30a" * 290_000), row(2)])
    observer = RecordingObserver()
    run_ingest(log_and_settings, path, observer)
    assert ids(log_and_settings[0]) == ["a-2"]
    assert "bytes as a record, over the limit of 1,048,064 of news.articles" in observer.rejections[0][1]


def test_the_same_file_again_writes_nothing(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(number) for number in range(LINES_MAX + 10)])
    observer = RecordingObserver()
    assert run_ingest(log_and_settings, path, observer).lines == LINES_MAX + 10
    assert observer.batches == 2
    again = run_ingest(log_and_settings, path)
    assert (again.lines_skipped, again.lines) == (LINES_MAX + 10, 0)
    assert len(ids(log_and_settings[0])) == LINES_MAX + 10


def test_only_lines_appended_to_a_file_are_ingested(log_and_settings: LogAndSettings, path: Path) -> None:
    path.write_bytes(b'{"id": "a-1", "title": "t", "text": "x"}')
    run_ingest(log_and_settings, path)
    with path.open("ab") as file:
        file.write(b'\n{"id": "a-2", "title": "t", "text": "x"}\n')
    observer = RecordingObserver()
    run_ingest(log_and_settings, path, observer)
    assert ids(log_and_settings[0]) == ["a-1", "a-2"]
    assert observer.lines_skipped == [1]


@pytest.mark.parametrize("rows", [[row(1), row(9), row(3)], [row(1), row(2)], []])
def test_a_changed_file_is_ingested_from_its_start(
    log_and_settings: LogAndSettings, path: Path, rows: list[object]
) -> None:
    write_rows(path, [row(1), row(2), row(3)])
    run_ingest(log_and_settings, path)
    write_rows(path, rows)
    result = run_ingest(log_and_settings, path)
    assert (result.lines_skipped, result.lines) == (0, len(rows))


def test_with_other_parse_options_a_file_is_ingested_from_its_start(
    log_and_settings: LogAndSettings, path: Path
) -> None:
    write_rows(path, [{"key": "a-1", "title": "t", "text": "x"}])
    assert run_ingest(log_and_settings, path).rejected == 1
    assert run_ingest(log_and_settings, path, parsing=ParseOptions(sources={"id": "key"})).articles == 1


def test_from_start_ignores_earlier_runs(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1)])
    run_ingest(log_and_settings, path)
    assert run_ingest(log_and_settings, path, from_start=True).articles == 1
    assert ids(log_and_settings[0]) == ["a-1", "a-1"]


def test_a_strict_ingest_stops_at_a_rejected_line_and_resumes_there_once_it_is_corrected(
    log_and_settings: LogAndSettings, path: Path
) -> None:
    write_rows(path, [row(1), b"{", row(3)])
    result = run_ingest(log_and_settings, path, strict=True)
    assert (result.lines, result.rejected, result.stopped_early) == (1, 1, True)
    assert ids(log_and_settings[0]) == ["a-1"]
    write_rows(path, [row(1), row(2), row(3)])
    assert run_ingest(log_and_settings, path, strict=True).lines_skipped == 1
    assert ids(log_and_settings[0]) == ["a-1", "a-2", "a-3"]


def test_lines_before_the_damage_are_ingested(log_and_settings: LogAndSettings, path: Path) -> None:
    rows = b"".join(
        b'{"id": "%d", "title": "%s", "text": "x"}\n' % (n, os.urandom(30).hex().encode()) for n in range(3_000)
    )
    path.write_bytes(gzip.compress(rows)[:-20_000])
    with pytest.raises(UnreadableInput):
        run_ingest(log_and_settings, path)
    written = ids(log_and_settings[0])
    assert written == [str(number) for number in range(len(written))]
    assert len(written) >= LINES_MAX


def test_stop_takes_effect_between_batches(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(number) for number in range(3 * LINES_MAX)])
    stop = threading.Event()

    class StopAtFirst(RecordingObserver):
        def on_committed(self, result: IngestResult, fraction_read: float | None) -> None:
            super().on_committed(result, fraction_read)
            stop.set()

    log, settings = log_and_settings
    result = ingest(log, settings, IngestPlan(file=str(path)), StopAtFirst(), stop=stop)
    assert (result.lines, result.stopped_early) == (LINES_MAX, True)
    assert run_ingest(log_and_settings, path).lines == 2 * LINES_MAX


def test_missing_topics_are_reported(tmp_path: Path, path: Path) -> None:
    settings = Settings(log=f"sqlite:///{tmp_path / 'empty.db'}")
    log = open_log_url(settings.log)
    write_rows(path, [row(1)])
    with pytest.raises(ConfigurationError, match="newsloom topics create"):
        ingest(log, settings, IngestPlan(file=str(path)), RecordingObserver())
    log.close()


def test_after_kills_and_restarts_each_line_is_written_once(log_and_settings: LogAndSettings, path: Path) -> None:
    lines = 20_000
    write_rows(path, [row(number) for number in range(lines)])
    log, settings = log_and_settings
    command = [sys.executable, "-m", "services.cli", "--log", settings.log, "ingest", str(path)]
    admin = log.admin()
    written = 0
    for _kill in range(2):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while sum(admin.end_offsets(["news.articles"]).values()) <= written and time.monotonic() < deadline:
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        written = sum(admin.end_offsets(["news.articles"]).values())
        assert 0 < written < lines
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert Counter(ids(log)) == Counter(f"a-{number}" for number in range(lines))


def test_lines_can_be_ingested_one_by_one_at_a_rate(log_and_settings: LogAndSettings, tmp_path: Path) -> None:
    path = tmp_path / "articles.jsonl"
    write_rows(path, [row(number) for number in range(5)])
    committed: list[int] = []

    class Observer(RecordingObserver):
        def on_committed(self, result: IngestResult, fraction_read: float | None) -> None:
            super().on_committed(result, fraction_read)
            committed.append(result.lines)

    ingest(*log_and_settings, IngestPlan(file=str(path), lines_per_s=1_000), Observer())
    assert committed == [1, 2, 3, 4, 5]
