"""Ingest a file of articles: each line is written to the log exactly once, however often the ingest is interrupted."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message
from newsloom.streaming.resumable_writer import ResumableWriter
from newsloom.streaming.topic_check import check_topics
from services.ingest.article_parser import InvalidLine, ParseOptions, Retraction, parse_line
from services.ingest.lines import Line, LineSource, open_lines
from services.ingest.messages import article_message

LINES_MAX: Final = 500
"""Lines per transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestPlan:
    """Which file to ingest, and how. `strict` stops at the first rejected line; `from_start` ignores earlier runs.

    With `lines_per_s`, lines are ingested one by one at this rate, to watch what becomes of them.
    """

    file: str
    parsing: ParseOptions = field(default_factory=ParseOptions)
    from_start: bool = False
    strict: bool = False
    lines_per_s: float | None = None


@dataclass(kw_only=True, slots=True)
class IngestResult:
    """Counts of one run. `lines_skipped` were ingested by an earlier run; the other counts are this run's alone.

    `articles_cut` had a title or text over the limit, `zones_assumed` a date without a zone. `absent` counts the articles without
    a field whose name in the file is given by the options.
    """

    lines_skipped: int = 0
    lines: int = 0
    articles: int = 0
    retractions: int = 0
    articles_cut: int = 0
    zones_assumed: int = 0
    rejected: int = 0
    absent: Counter[str] = field(default_factory=Counter)
    stopped_early: bool = False


class IngestObserver(Protocol):
    """Callbacks that show the progress of an ingest."""

    def on_resumed(self, lines: int) -> None:
        """Called once if an earlier run ingested the first `lines` lines of the same file."""
        ...

    def on_rejected(self, line: Line, error: InvalidLine) -> None:
        """Called for each rejected line; twice for the same line if the process died before its batch was committed."""
        ...

    def on_committed(self, result: IngestResult, fraction_read: float | None) -> None:
        """Called after each committed batch."""
        ...


def ingest(
    log: Log, settings: Settings, plan: IngestPlan, observer: IngestObserver, *, stop: threading.Event | None = None
) -> IngestResult:
    """Ingest the plan's file until its end or until `stop`, continuing where the last run with the same options stopped.

    Raises:
        UnreadableInput: the file is missing or damaged; the lines before the damage are in the log.
        LogError: a topic is missing, or the log stayed away.

    """
    name = topic_name(settings, ARTICLES)
    admin = log.admin()
    check_topics(admin, [spec for spec in topic_specs(settings) if spec.name == name], ())
    record_bytes_max = admin.describe([name])[name].max_record_bytes
    source = open_lines(plan.file)
    try:
        writer = ResumableWriter(log, _writer_name(settings, source), progress_topic=name)
        try:
            run = _IngestRun(writer, plan, observer, topic=name, record_bytes_max=record_bytes_max)
            source = run.skip_ingested(source)
            result = run.write_lines(source, stop or threading.Event())
            if source.path is None:
                # A stream cannot be resumed.
                writer.discard()
            return result
        finally:
            writer.close()
    finally:
        source.close()


def _writer_name(settings: Settings, source: LineSource) -> str:
    # A stream cannot be resumed. Its writer gets a unique name, so that two feeds do not fence each other.
    identity = hashlib.sha256(bytes(source.path)).hexdigest()[:16] if source.path else f"stream-{uuid.uuid4().hex}"
    return f"{settings.topic_prefix}ingest-{identity}"


def _fingerprint(parsing: ParseOptions) -> hashlib.blake2b:
    """Begin the hash of the ingested lines with the parse options: with other options the same lines give other articles."""
    return hashlib.blake2b(msgspec.json.encode(parsing, order="deterministic"), digest_size=16)


class _IngestRun:
    def __init__(
        self, writer: ResumableWriter, plan: IngestPlan, observer: IngestObserver, *, topic: str, record_bytes_max: int
    ) -> None:
        self._writer = writer
        self._plan = plan
        self._observer = observer
        self._topic = topic
        self._record_bytes_max = record_bytes_max
        self._result = IngestResult()
        self._fingerprint = _fingerprint(plan.parsing)

    def skip_ingested(self, source: LineSource) -> LineSource:
        """Return the source behind the lines of an earlier run; at its start if there was none or its lines have changed."""
        progress = self._writer.progress
        if progress is None or not progress.position or self._plan.from_start:
            return source
        if self._skip(source, progress):
            self._result.lines_skipped = progress.position
            return source
        source.close()
        self._fingerprint = _fingerprint(self._plan.parsing)
        return open_lines(self._plan.file)

    def _skip(self, source: LineSource, progress: Progress) -> bool:
        left = progress.position
        while left and (lines := source.read(min(left, LINES_MAX))):
            left -= len(lines)
            for line in lines:
                self._fingerprint.update(b"\n" + line.raw)
        return left == 0 and self._fingerprint.hexdigest() == progress.note

    def write_lines(self, source: LineSource, stop: threading.Event) -> IngestResult:
        result, rate = self._result, self._plan.lines_per_s
        lines_max = LINES_MAX if rate is None else 1
        while not stop.is_set() and not result.stopped_early and (lines := source.read(lines_max)):
            if result.lines_skipped and not result.lines:
                self._observer.on_resumed(result.lines_skipped)
            self._commit(self._messages(lines))
            self._observer.on_committed(result, source.fraction_read())
            if rate is not None:
                stop.wait(1 / rate)
        result.stopped_early |= stop.is_set()
        return result

    def _messages(self, lines: list[Line]) -> list[Message]:
        messages: list[Message] = []
        for line in lines:
            try:
                message = self._message(line)
            except InvalidLine as error:
                self._result.rejected += 1
                self._observer.on_rejected(line, error)
                if self._plan.strict:
                    # The progress stays before this line: once the line is corrected, the next run starts with it.
                    self._result.stopped_early = True
                    break
            else:
                messages += [message] if message else []
            self._result.lines += 1
            self._fingerprint.update(b"\n" + line.raw)
        return messages

    def _message(self, line: Line) -> Message | None:
        if not line.complete:
            raise InvalidLine(f"over {len(line.raw):,} bytes")
        if not line.raw.strip():
            return None
        parsed = parse_line(line.raw, self._plan.parsing)
        message = article_message(
            parsed.event, topic=self._topic, record_bytes_max=self._record_bytes_max, now=datetime.now(UTC)
        )
        if isinstance(parsed.event, Retraction):
            self._result.retractions += 1
        else:
            self._result.articles += 1
        self._result.articles_cut += parsed.was_cut
        self._result.zones_assumed += parsed.zone_assumed
        self._result.absent.update(parsed.absent)
        return message

    def _commit(self, messages: list[Message]) -> None:
        position = self._result.lines_skipped + self._result.lines
        self._writer.write(messages, Progress(position, self._fingerprint.hexdigest()))
