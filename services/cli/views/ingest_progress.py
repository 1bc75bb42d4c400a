"""What a person sees of an ingest: rejected lines, a progress bar on a terminal, one line at the end."""

from __future__ import annotations

import base64
from types import TracebackType
from typing import IO, Final, Self

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from newsloom.terminal import escape
from services.cli.views.formatting import count
from services.ingest.article_parser import LineRejected
from services.ingest.lines import Line
from services.ingest.runner import IngestReport

REJECTED_SHOWN_MAX: Final = 20


class IngestDisplay:
    """Observes an ingest and shows it on standard error; `rejects` gets every rejected line, whole, as JSON lines."""

    def __init__(self, *, rejects: IO[bytes] | None = None, bar: bool = True) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._rejects = rejects
        self._shown = 0
        self._progress = Progress(
            TextColumn("ingest"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[lines]:,} lines, {task.fields[rate]:,.0f} a second"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not (bar and self._console.is_terminal),
            transient=True,
        )
        self._task = self._progress.add_task("ingest", total=None, lines=0, rate=0.0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        if self._shown > REJECTED_SHOWN_MAX:
            hint = "" if self._rejects else " (--rejects FILE keeps all of them)"
            self._say(f"... and {self._shown - REJECTED_SHOWN_MAX:,} more rejected lines{hint}")

    def resumed(self, lines: int) -> None:
        """Say where the ingest goes on."""
        self._say(f"resuming at line {lines + 1:,}")

    def rejected(self, line: Line, error: LineRejected) -> None:
        """Show the line's number and what is wrong with it, for the first few; keep all of them in the file."""
        self._shown += 1
        if self._shown <= REJECTED_SHOWN_MAX:
            self._say(f"line {line.number:,} rejected: {escape(str(error))}")
        if self._rejects is not None:
            self._rejects.write(reject_record(line, error) + b"\n")
            self._rejects.flush()

    def committed(self, report: IngestReport, fraction_read: float | None) -> None:
        """Move the bar."""
        elapsed_s = self._progress.tasks[0].elapsed or 0.0
        self._progress.update(
            self._task,
            total=None if fraction_read is None else 1.0,
            completed=fraction_read or 0.0,
            lines=report.resumed_behind + report.lines,
            rate=report.lines / elapsed_s if elapsed_s else 0.0,
        )

    def _say(self, text: str) -> None:
        if self._progress.disable:
            click.echo(text, err=True)
        else:
            self._console.print(text)


def reject_record(line: Line, error: LineRejected) -> bytes:
    """A rejected line as JSON: `line` (from 1), `field` (null is the whole line), `reason`, and `raw` or `raw_base64`."""
    try:
        raw = {"raw": line.raw.decode()}
    except UnicodeDecodeError:
        raw = {"raw_base64": base64.b64encode(line.raw).decode()}
    return msgspec.json.encode({"line": line.number, "field": error.field, "reason": error.reason, **raw})


def summary(report: IngestReport) -> str:
    """The one line at the end, such as `ingested 147 articles, 1 retraction; 1 line rejected`."""
    if not report.lines and not report.rejected:
        seen = f": all {report.resumed_behind:,} lines were ingested before" if report.resumed_behind else ""
        return f"nothing new{seen}"
    parts = [count(report.articles, "article")]
    if report.retractions:
        parts.append(count(report.retractions, "retraction"))
    rejected = f"; {count(report.rejected, 'line')} rejected" if report.rejected else ""
    return f"ingested {', '.join(parts)}{rejected}"
