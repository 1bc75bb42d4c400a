"""`newsloom ingest`, `run` and `demo`: messages and exit statuses."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from newsloom.contracts.codec import decode_article
from newsloom.contracts.story import HistoryEntry
from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.records import Record
from services.cli.commands import demo, ingest, run
from services.cli.views.demo_summary import last_entry_per_day
from services.local.demo_result import RecordCounts, count_records
from tests.unit.ingest.harness import articles, ids, new_log, row, write_rows

LogAndSettings = tuple[Log, Settings]
FULL_DEVICE = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL_DEVICE.exists(), reason="only Linux has /dev/full")


@pytest.fixture
def log_and_settings(tmp_path: Path) -> Iterator[LogAndSettings]:
    log, settings = new_log(tmp_path)
    yield log, settings
    log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "articles.jsonl"


def run_ingest(log_and_settings: LogAndSettings, *arguments: object) -> Result:
    return CliRunner().invoke(ingest.command, [str(argument) for argument in arguments], obj=log_and_settings[1])


def test_a_summary_in_one_line(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1), b"{", {"id": "a-1", "retracted": True}])
    result = run_ingest(log_and_settings, path)
    assert result.stdout == "ingested 1 article, 1 retraction; 1 line rejected\n"
    assert result.stderr == "line 2 rejected: not JSON: Input data was truncated\n"
    assert result.exit_code == 0


def test_the_summary_names_the_zone_of_dates_without_one(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1, published_at="2025-08-03 10:00"), row(2) | {"text": "It rained. " * 30_000}])
    assert run_ingest(log_and_settings, path, "--timezone", "Europe/Berlin").stdout == (
        "ingested 2 articles; 1 article cut at the length limit; 1 date without a zone read as Europe/Berlin\n"
    )


def test_the_summary_counts_the_articles_without_a_mapped_field(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1, source="Post"), row(2), {"id": "a-9", "retracted": True}])
    assert run_ingest(log_and_settings, path, "--map", "outlet=source").stdout == (
        "ingested 2 articles, 1 retraction; 1 article without source (--map outlet=source)\n"
    )


def test_resuming_is_reported(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(number) for number in range(1_000)])
    run_ingest(log_and_settings, path)
    result = run_ingest(log_and_settings, path)
    assert (result.stdout, result.stderr) == ("nothing new: all 1,000 lines were ingested before\n", "")
    with path.open("ab") as file:
        file.write(msgspec.json.encode(row(1_000)))
    result = run_ingest(log_and_settings, path)
    assert (result.stdout, result.stderr) == ("ingested 1 article\n", "resuming at line 1,001\n")


def test_an_ingest_of_rejected_lines_only_fails(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [{"key": "a"}])
    result = run_ingest(log_and_settings, path)
    assert (result.stdout, result.exit_code) == ("ingested 0 articles; 1 line rejected\n", 1)


def test_strict_fails_at_the_first_rejected_line(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1), b"{", row(3)])
    assert run_ingest(log_and_settings, path, "--strict").exit_code == 1
    assert ids(log_and_settings[0]) == ["a-1"]


def test_rejected_lines_beyond_the_first_are_counted_and_all_are_written_to_the_file(
    log_and_settings: LogAndSettings, path: Path, tmp_path: Path
) -> None:
    mistyped = b'{"id": 7, "title": "t", "text": "x"}'
    write_rows(path, [row(1), *([mistyped] * 24), b"\xff"])
    rejects = tmp_path / "rejects.jsonl"
    assert (
        "... and 5 more rejected lines (--rejects FILE keeps all of them)" in run_ingest(log_and_settings, path).stderr
    )
    result = run_ingest(log_and_settings, path, "--rejects", rejects, "--from-start")
    assert result.stderr.endswith("... and 5 more rejected lines\n")
    kept = [msgspec.json.decode(line) for line in rejects.read_bytes().splitlines()]
    assert len(kept) == 25
    assert kept[0] == {"line": 2, "field": "id", "reason": "expected str, got int", "raw": mistyped.decode()}
    assert kept[-1]["raw_base64"] == "/w=="


def test_the_content_of_a_line_cannot_control_the_terminal(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1, leaning="\x1b[2J\u202e"), row(2)])
    assert not {"\x1b", "\u202e"} & set(run_ingest(log_and_settings, path).stderr)


def test_fields_are_mapped(log_and_settings: LogAndSettings, path: Path) -> None:
    write_rows(path, [row(1, source="Post", lang="de")])
    options = ("--map", "outlet=source", "--map", "language=lang", "--edition-from-language")
    assert run_ingest(log_and_settings, path, *options).exit_code == 0
    article = decode_article(articles(log_and_settings[0])[0].value or b"")
    assert (article.outlet, article.language, article.edition) == ("Post", "de", "de")


@pytest.mark.parametrize(
    "options",
    [("--timezone", "Mars"), ("--map", "outlet"), ("--map", "shoe=size"), ("--map", "id="), ("--edition", "A B")],
)
def test_wrong_usage_exits_with_2(log_and_settings: LogAndSettings, path: Path, options: tuple[str, ...]) -> None:
    write_rows(path, [row(1)])
    result = run_ingest(log_and_settings, path, *options)
    assert result.exit_code == 2
    assert options[1] in result.stderr
    assert ids(log_and_settings[0]) == []


def test_a_missing_file_is_reported_in_one_line_and_exits_with_2(log_and_settings: LogAndSettings, path: Path) -> None:
    result = run_ingest(log_and_settings, path)
    assert (result.stderr, result.exit_code) == (f"Error: {path} cannot be read: No such file or directory\n", 2)


def test_standard_input_plain_or_gzip(log_and_settings: LogAndSettings) -> None:
    command = [sys.executable, "-m", "services.cli", "--log", log_and_settings[1].log, "ingest", "-"]
    for number in range(2):
        plain = msgspec.json.encode(row(number)) + b"\n"
        data = gzip.compress(plain) if number else plain
        done = subprocess.run(command, input=data, capture_output=True, check=True)
        assert (done.stdout, done.stderr) == (b"ingested 1 article\n", b"")
    assert ids(log_and_settings[0]) == ["a-0", "a-1"]


@pytest.mark.parametrize("command", [run.command, demo.command])
def test_run_and_demo_refuse_a_log_in_memory(monkeypatch: pytest.MonkeyPatch, command: object) -> None:
    monkeypatch.setenv("NEWSLOOM_LOG", "sqlite://")
    result = CliRunner().invoke(command, [], obj=Settings(log="sqlite://"))  # type: ignore[arg-type]
    assert isinstance(result.exception, ConfigurationError)
    assert "name a file, such as sqlite:///newsloom.db" in str(result.exception)


def test_run_accepts_the_options_of_ingest_only_with_a_file() -> None:
    result = CliRunner().invoke(run.command, ["--strict"], obj=Settings())
    assert (result.exit_code, "need --ingest FILE" in result.stderr) == (2, True)


NOW = datetime(2026, 11, 21, 10, 0, 5, tzinfo=UTC)


def test_a_demo_creates_its_own_log() -> None:
    setup = demo.create_setup({}, NOW)
    assert load_settings(setup.environ).log == f"sqlite:///{setup.folder}/newsloom.db"
    assert setup.folder.is_dir()
    setup.folder.rmdir()


def test_a_demo_on_a_given_log_uses_its_own_topics() -> None:
    environ = {"NEWSLOOM_LOG": "kafka://broker:9092", "NEWSLOOM_PARTITIONS": "6"}
    setup = demo.create_setup(environ, NOW)
    settings = load_settings({**environ, **setup.environ})
    assert (settings.log, settings.topic_prefix) == ("kafka://broker:9092", "demo-20261121-100005.")
    assert (settings.partitions, settings.state_partitions) == (1, 1)
    setup.folder.rmdir()


def record(key: bytes, value: bytes | None) -> Record:
    return Record(topic="articles", partition=0, offset=0, timestamp_ms=0, key=key, value=value)


def test_records_are_counted_by_id_and_content() -> None:
    stream = [(b"a", b"1"), (b"b", b"1"), (b"a", b"1"), (b"a", b"2"), (b"a", None), (b"a", b"2")]
    counts = count_records(record(key, value) for key, value in stream)
    assert counts == RecordCounts(new=3, duplicates=1, corrections=1, retractions=1)


def test_a_history_is_shortened_to_the_last_entry_of_each_day() -> None:
    midnight = datetime(2025, 4, 18, tzinfo=UTC)
    hours = [1, 5, 23, 24, 30, 80]
    history = [
        HistoryEntry(version=count, at=midnight + timedelta(hours=hour), article_count=count, title="t")
        for count, hour in enumerate(hours, 1)
    ]
    assert [entry.article_count for entry in last_entry_per_day(history)] == [3, 5, 6]


def test_an_interrupted_ingest_has_written_what_it_received(log_and_settings: LogAndSettings) -> None:
    command = [sys.executable, "-m", "services.cli", "--log", log_and_settings[1].log, "ingest", "-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(row(1)) + b"\n")
    process.stdin.flush()
    # The pipe pauses now: the article must be written without waiting for the next one.
    deadline = time.monotonic() + 30
    while not ids(log_and_settings[0]):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=30)
    assert process.returncode == 130
    assert printed == b"interrupted\n"
    assert ids(log_and_settings[0]) == ["a-1"]


@pytest.mark.parametrize("command", [ingest.command, run.command])
def test_rejected_lines_are_not_appended_to_the_input(
    log_and_settings: LogAndSettings, path: Path, command: click.Command
) -> None:
    write_rows(path, [b"{"])
    before = path.read_bytes()
    file = ["--ingest", str(path)] if command is run.command else [str(path)]
    result = CliRunner().invoke(command, [*file, "--rejects", str(path)], obj=log_and_settings[1])
    assert result.exit_code == 2
    assert f"--rejects {path} is the input itself: name another file" in result.stderr
    assert path.read_bytes() == before


@needs_full_device
def test_rejected_lines_that_cannot_be_kept_end_the_ingest_in_one_line(
    log_and_settings: LogAndSettings, path: Path
) -> None:
    write_rows(path, [row(1), b"{"])
    result = run_ingest(log_and_settings, path, "--rejects", FULL_DEVICE)
    assert result.exit_code == 1
    assert "--rejects /dev/full cannot be written: No space left on device" in result.stderr
    assert ids(log_and_settings[0]) == []
    assert run_ingest(log_and_settings, path).stdout == "ingested 1 article; 1 line rejected\n"


@needs_full_device
def test_a_summary_that_cannot_be_printed_ends_the_command_in_one_line(
    log_and_settings: LogAndSettings, path: Path
) -> None:
    write_rows(path, [row(1)])
    with FULL_DEVICE.open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "services.cli", "--log", log_and_settings[1].log, "ingest", str(path)],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ended.returncode == 74
    assert ended.stderr == b"newsloom: the output cannot be written: No space left on device\n"
    assert ids(log_and_settings[0]) == ["a-1"]
