"""Show an ingest on standard error: rejected lines, and a progress bar on a terminal."""

from __future__ import annotations

import base64
from typing import IO, Final, Self

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from newsloom.terminal import escape
from services.ingest.article_parser import InvalidLine
from services.ingest.lines import Line
from services.ingest.runner import IngestResult

REJECTED_SHOWN_MAX: Final = 20


class IngestDisplay:
    """Show the progress of an ingest. `rejects` receives every rejected line, complete, as JSON lines."""

    def __init__(self, *, rejects: IO[bytes] | None = None, bar: bool = True) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._rejects = rejects
        self._rejected = 0
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

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()
        if self._rejected > REJECTED_SHOWN_MAX:
            hint = "" if self._rejects else " (--rejects FILE keeps all of them)"
            self._print(f"... and {self._rejected - REJECTED_SHOWN_MAX:,} more rejected lines{hint}")

    def on_resumed(self, lines: int) -> None:
        """Print the line at which the ingest continues."""
        self._print(f"resuming at line {lines + 1:,}")

    def on_rejected(self, line: Line, error: InvalidLine) -> None:
        """Print number and reason of the first few rejected lines; write all of them to the file."""
        self._rejected += 1
        if self._rejected <= REJECTED_SHOWN_MAX:
            self._print(f"line {line.number:,} rejected: {escape(str(error))}")
        if self._rejects is not None:
            _append(self._rejects, reject_record(line, error) + b"\n")

    def on_committed(self, result: IngestResult, fraction_read: float | None) -> None:
        """Advance the bar."""
        elapsed_s = self._progress.tasks[0].elapsed or 0.0
        self._progress.update(
            self._task,
            total=None if fraction_read is None else 1.0,
            completed=fraction_read or 0.0,
            lines=result.lines_skipped + result.lines,
            rate=result.lines / elapsed_s if elapsed_s else 0.0,
        )

    def _print(self, text: str) -> None:
        if self._progress.disable:
            click.echo(text, err=True)
        else:
            self._console.print(text)


def _append(file: IO[bytes], record: bytes) -> None:
    try:
        file.write(record)
        file.flush()
    except OSError as error:
        raise click.ClickException(
            f"--rejects {file.name} cannot be written: {error.strerror}; what was ingested so far stays, and the same command "
            "continues from there"
        ) from error


def reject_record(line: Line, error: InvalidLine) -> bytes:
    """Return a rejected line as JSON: `line` (from 1), `field` (null: the whole line), `reason`, `raw` or `raw_base64`."""
    try:
        raw = {"raw": line.raw.decode()}
    except UnicodeDecodeError:
        raw = {"raw_base64": base64.b64encode(line.raw).decode()}
    return msgspec.json.encode({"line": line.number, "field": error.field, "reason": error.reason, **raw})
