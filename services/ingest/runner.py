"""The ingest engine: lines in, articles on the log, each line taken in exactly once however often it is interrupted."""

from __future__ import annotations

import hashlib
import threading
import uuid
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
from services.ingest.article_parser import LineRejected, Retraction, Rules, read_line
from services.ingest.lines import Line, LineSource, open_lines
from services.ingest.messages import article_message

LINES_MAX: Final = 500
"""Lines of one transaction."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestPlan:
    """What to take in, and how. `strict` ends at the first rejected line; `from_start` forgets earlier runs."""

    file: str
    rules: Rules = field(default_factory=Rules)
    from_start: bool = False
    strict: bool = False


@dataclass(kw_only=True, slots=True)
class IngestReport:
    """What came of it. `resumed_behind` lines were taken in by an earlier run; the counts are this run's alone."""

    resumed_behind: int = 0
    lines: int = 0
    articles: int = 0
    retractions: int = 0
    rejected: int = 0
    ended_early: bool = False


class Observer(Protocol):
    """Whoever watches an ingest."""

    def resumed(self, lines: int) -> None:
        """An earlier run has taken in this many lines of the same file; this one goes on behind them."""
        ...

    def rejected(self, line: Line, error: LineRejected) -> None:
        """A line was no article. A line may be reported twice if the process dies before its batch is committed."""
        ...

    def committed(self, report: IngestReport, fraction_read: float | None) -> None:
        """A batch is in the log."""
        ...


def ingest(
    log: Log, settings: Settings, plan: IngestPlan, observer: Observer, *, stop: threading.Event | None = None
) -> IngestReport:
    """Take in the plan's file from where the last run with the same rules left it, until its end or until `stop`.

    Raises:
        InputUnreadable: the file is missing or damaged; what stands before the damage is in the log.
        LogError: a topic is missing, or the log stayed away.

    """
    name = topic_name(settings, ARTICLES)
    admin = log.admin()
    check_topics(admin, [spec for spec in topic_specs(settings) if spec.name == name], ())
    record_bytes_max = admin.describe([name])[name].max_record_bytes
    source = open_lines(plan.file)
    try:
        writer = ResumableWriter(log, _writer_name(settings, source))
        try:
            run = _Run(writer, plan, observer, topic=name, record_bytes_max=record_bytes_max)
            source = run.find_place(source)
            return run.take_in(source, stop or threading.Event())
        finally:
            writer.close()
    finally:
        source.close()


def _writer_name(settings: Settings, source: LineSource) -> str:
    # What cannot be read again cannot be resumed: its writer has a name of its own, so that feeds do not fence one another.
    identity = hashlib.sha256(bytes(source.path)).hexdigest()[:16] if source.path else f"stream-{uuid.uuid4().hex}"
    return f"{settings.topic_prefix}ingest-{identity}"


class _Fingerprint:
    """Recognises the lines taken in so far, and the rules they were read by: other rules make other articles of them."""

    def __init__(self, rules: Rules) -> None:
        self._hash = hashlib.blake2b(msgspec.json.encode(rules, order="deterministic"), digest_size=16)

    def add(self, line: Line) -> None:
        self._hash.update(b"\n" + line.raw)

    def note(self) -> str:
        return self._hash.hexdigest()


class _Run:
    def __init__(
        self, writer: ResumableWriter, plan: IngestPlan, observer: Observer, *, topic: str, record_bytes_max: int
    ) -> None:
        self._writer = writer
        self._plan = plan
        self._observer = observer
        self._topic = topic
        self._record_bytes_max = record_bytes_max
        self._report = IngestReport()
        self._fingerprint = _Fingerprint(plan.rules)

    def find_place(self, source: LineSource) -> LineSource:
        """The source, behind the lines that an earlier run took in; at its start if there are none or they have changed."""
        progress = self._writer.progress
        if progress is None or not progress.position or self._plan.from_start:
            return source
        if self._skip(source, progress):
            self._report.resumed_behind = progress.position
            return source
        source.close()
        self._fingerprint = _Fingerprint(self._plan.rules)
        return open_lines(self._plan.file)

    def _skip(self, source: LineSource, progress: Progress) -> bool:
        left = progress.position
        while left and (lines := source.take(min(left, LINES_MAX))):
            left -= len(lines)
            for line in lines:
                self._fingerprint.add(line)
        return left == 0 and self._fingerprint.note() == progress.note

    def take_in(self, source: LineSource, stop: threading.Event) -> IngestReport:
        report = self._report
        while not stop.is_set() and not report.ended_early and (lines := source.take(LINES_MAX)):
            if report.resumed_behind and not report.lines:
                self._observer.resumed(report.resumed_behind)
            self._commit(self._messages(lines))
            self._observer.committed(report, source.fraction_read())
        report.ended_early |= stop.is_set()
        return report

    def _messages(self, lines: list[Line]) -> list[Message]:
        messages: list[Message] = []
        for line in lines:
            try:
                message = self._message(line)
            except LineRejected as error:
                self._report.rejected += 1
                self._observer.rejected(line, error)
                if self._plan.strict:
                    # The progress stays before this line: once it is mended, the next run goes on with it.
                    self._report.ended_early = True
                    break
            else:
                messages += [message] if message else []
            self._report.lines += 1
            self._fingerprint.add(line)
        return messages

    def _message(self, line: Line) -> Message | None:
        if not line.complete:
            raise LineRejected(f"over {len(line.raw):,} bytes")
        if not line.raw.strip():
            return None
        event = read_line(line.raw, self._plan.rules)
        message = article_message(
            event, topic=self._topic, record_bytes_max=self._record_bytes_max, now=datetime.now(UTC)
        )
        if isinstance(event, Retraction):
            self._report.retractions += 1
        else:
            self._report.articles += 1
        return message

    def _commit(self, messages: list[Message]) -> None:
        position = self._report.resumed_behind + self._report.lines
        # A place is kept beside the first message: on Kafka, before there is one, it would take rights that nobody should need.
        if messages or self._writer.progress is not None:
            self._writer.write(messages, Progress(position, self._fingerprint.note()))
