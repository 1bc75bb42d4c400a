"""The reason why a process ends is in its log, and in the termination message of its container."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from newsloom.streaming.termination import CHARACTERS_MAX, report_failure


def test_the_reason_is_one_log_event_and_the_termination_message(tmp_path: Path) -> None:
    file = tmp_path / "termination-log"
    file.touch()
    with capture_logs() as logged:
        report_failure("topic news.articles does not exist", service="embedder", status=78, file=file)
    assert logged == [
        {
            "event": "service.failed",
            "log_level": "error",
            "service": "embedder",
            "status": 78,
            "error": "topic news.articles does not exist",
        }
    ]
    assert file.read_text() == "topic news.articles does not exist"


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    file = tmp_path / "termination-log"
    file.touch()
    report_failure("x" * 10_000, service="embedder", status=78, file=file)
    assert file.read_text() == "x" * CHARACTERS_MAX


def test_outside_a_container_no_file_is_made(tmp_path: Path) -> None:
    file = tmp_path / "termination-log"
    report_failure("fenced", service="embedder", status=75, file=file)
    assert not file.exists()
