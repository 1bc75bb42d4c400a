"""Show the progress of the demo as three bars."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from newsloom.contracts.pipeline import CLUSTERER, EMBEDDER
from newsloom.terminal import escape
from services.ingest.article_parser import InvalidLine
from services.ingest.lines import Line
from services.ingest.runner import IngestResult
from services.local.backlog import Backlog


class DemoDisplay:
    """Show the ingest and the services' backlogs as bars. In a pipe, print the bars once, at the end."""

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

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()
        self._progress.console.print()

    def on_resumed(self, lines: int) -> None:
        """Do nothing: a demo never resumes."""

    def on_rejected(self, line: Line, error: InvalidLine) -> None:
        """Print the line's number and the reason."""
        self._progress.console.print(f"line {line.number:,} rejected: {escape(str(error))}", style="yellow")

    def on_committed(self, result: IngestResult, fraction_read: float | None) -> None:
        """Advance the first bar."""
        del fraction_read
        self._sent = result.articles + result.retractions
        self._progress.update(self._ingested, completed=result.lines)

    def show_backlog(self, backlog: Backlog) -> None:
        """Advance the other bars. Backlogs are upper bounds, so that a bar may lag but never runs ahead."""
        if self._sent:
            embedded = max(0, self._sent - backlog[EMBEDDER.name])
            note = "" if embedded else "loading the model"
            self._progress.update(self._embedded, total=self._sent, completed=embedded, note=note)
            self._progress.update(
                self._clustered, total=self._sent, completed=max(0, embedded - backlog[CLUSTERER.name])
            )
