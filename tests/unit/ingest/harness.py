"""Write article files, create logs and read articles back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from services.ingest.article_parser import InvalidLine
from services.ingest.lines import Line
from services.ingest.runner import IngestResult


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"a-{number}", "title": f"Title {number}", "text": f"Text of {number}.", **fields}


def write_rows(path: Path, rows: list[Any]) -> None:
    path.write_bytes(b"".join((one if isinstance(one, bytes) else msgspec.json.encode(one)) + b"\n" for one in rows))


def new_log(folder: Path) -> tuple[Log, Settings]:
    settings = Settings(log=f"sqlite:///{folder / 'newsloom.db'}")
    log = open_log_url(settings.log)
    log.admin().create(topic_specs(settings))
    return log, settings


def articles(log: Log) -> list[Record]:
    return list(read_topic(log, "news.articles"))


def ids(log: Log) -> list[str]:
    return [(record.key or b"").decode() for record in articles(log)]


class RecordingObserver:
    """Record the calls of an ingest."""

    def __init__(self) -> None:
        self.lines_skipped: list[int] = []
        self.rejections: list[tuple[int, str]] = []
        self.batches = 0

    def on_resumed(self, lines: int) -> None:
        self.lines_skipped.append(lines)

    def on_rejected(self, line: Line, error: InvalidLine) -> None:
        self.rejections.append((line.number, str(error)))

    def on_committed(self, result: IngestResult, fraction_read: float | None) -> None:
        del result, fraction_read
        self.batches += 1
