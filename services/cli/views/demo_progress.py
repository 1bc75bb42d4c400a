"""How far the demo has come: three bars, on a terminal as it goes."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from newsloom.contracts.pipeline import CLUSTERER, EMBEDDER
from newsloom.terminal import escape
from services.ingest.article_parser import LineRejected
from services.ingest.lines import Line
from services.ingest.runner import IngestReport
from services.local.installation import Backlog


class DemoDisplay:
    """Observes the ingest and the services' backlogs; piped, the bars appear once, as they ended."""

    def __init__(self, screen: Console, *, lines: int) -> None:
        columns = (TextColumn("{task.description:9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TextColumn("{task.fields[note]}", style="dim"), console=screen)
        self._ingested = self._progress.add_task("ingested", total=lines, note="")
        self._embedded = self._progress.add_task("embedded", total=None, note="loading the model")
        self._clustered = self._progress.add_task("clustered", total=None, note="")
        self._sent = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._progress.console.print()

    def resumed(self, lines: int) -> None:
        """Never: a demo begins anew."""

    def rejected(self, line: Line, error: LineRejected) -> None:
        """Say which line, and why."""
        self._progress.console.print(f"line {line.number:,} rejected: {escape(str(error))}", style="yellow")

    def committed(self, report: IngestReport, fraction_read: float | None) -> None:
        """Move the first bar."""
        del fraction_read
        self._sent = report.articles + report.retractions
        self._progress.update(self._ingested, completed=report.lines)

    def show_backlog(self, backlog: Backlog) -> None:
        """Move the others. Backlogs are upper bounds, so that a bar may start late but never runs ahead."""
        if self._sent:
            embedded = max(0, self._sent - backlog[EMBEDDER.name])
            note = "" if embedded else "loading the model"
            self._progress.update(self._embedded, total=self._sent, completed=embedded, note=note)
            self._progress.update(
                self._clustered, total=self._sent, completed=max(0, embedded - backlog[CLUSTERER.name])
            )
