"""`newsloom demo`: the bundled sample through both services, and what came of it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final, TextIO

import click
from rich.console import Console

from newsloom.log import open_log
from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import LogError
from newsloom.streaming.log import Log
from newsloom.terminal import escape
from services.cli.commands.ingest import EXIT_INTERRUPTED
from services.cli.commands.run import log_to
from services.cli.views.demo_progress import DemoDisplay
from services.cli.views.demo_summary import print_numbers, print_stories, read_outcome
from services.cli.views.formatting import console
from services.ingest.runner import IngestPlan, IngestReport
from services.local.installation import NewsroomPlan, check_log_can_be_shared, feed_from, prepare_topics, run_newsroom

LOG_LINES_SHOWN: Final = 15


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """Where a demo happens: the settings that differ from this process's own, and a folder for the services' logs."""

    environ: Mapping[str, str]
    folder: Path

    @property
    def log_file(self) -> Path:
        """What the services print."""
        return self.folder / "services.log"


def choose_place(environ: Mapping[str, str], now: datetime) -> DemoPlace:
    """A log of its own in a new folder; or, where the environment names a log, topics of its own on that one."""
    folder = Path(tempfile.mkdtemp(prefix="newsloom-demo-"))
    # One partition of everything: the order of arrival, and so the outcome, is then the same every time.
    chosen = {"NEWSLOOM_PARTITIONS": "1", "NEWSLOOM_STATE_PARTITIONS": "1"}
    if "NEWSLOOM_LOG" in environ:
        chosen["NEWSLOOM_TOPIC_PREFIX"] = f"demo-{now:%Y%m%d-%H%M%S}."
    else:
        chosen["NEWSLOOM_LOG"] = f"sqlite:///{folder / 'newsloom.db'}"
    return DemoPlace(environ=chosen, folder=folder)


@click.command()
def command() -> None:
    """See newsloom work: replay a small stream of news through both services and show the stories they find.

    It works in a new folder or, where NEWSLOOM_LOG is set, on topics of its own there; nothing else is touched. It takes
    about half a minute.
    """
    begun = time.monotonic()
    check_log_can_be_shared(load_settings(os.environ))
    place = choose_place(os.environ, datetime.now(UTC))
    settings = load_settings({**os.environ, **place.environ})
    screen = console()
    screen.print("A sample stream of news, through embedder and clusterer as two processes, on")
    screen.print(f"{settings.log} (topics {settings.topic_prefix}*)\n", soft_wrap=True)
    with place.log_file.open("a") as log_file, closing(open_log(settings, create=True)) as log:
        log_to(log_file)
        with _log_shown_on_failure(place.log_file):
            report = _replay(log, settings, place, screen, log_file)
        if report is None or report.ended_early:
            click.echo("stopped", err=True)
            sys.exit(EXIT_INTERRUPTED)
        outcome = read_outcome(log, settings)
    print_stories(screen, outcome)
    print_numbers(screen, report, outcome, seconds=time.monotonic() - begun)
    _print_next(screen, settings, example=outcome.stories[0].id if outcome.stories else "ID")


def _replay(log: Log, settings: Settings, place: DemoPlace, screen: Console, log_file: TextIO) -> IngestReport | None:
    prepare_topics(log, settings)
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = sample.read_bytes().count(b"\n")
        with DemoDisplay(screen, lines=lines) as display:
            plan = NewsroomPlan(
                environ={**os.environ, **place.environ},
                ingest=feed_from(settings, IngestPlan(file=str(sample)), display),
                until_drained=True,
                output=log_file,
                on_backlog=display.show_backlog,
            )
            return run_newsroom(log, settings, plan)


@contextmanager
def _log_shown_on_failure(log_file: Path) -> Iterator[None]:
    try:
        yield
    except LogError:
        lines = log_file.read_text(errors="replace").splitlines()
        click.echo(f"The end of {log_file}:", err=True)
        for line in lines[-LOG_LINES_SHOWN:]:
            click.echo(f"  {escape(line)}", err=True)
        raise


def _print_next(screen: Console, settings: Settings, *, example: str) -> None:
    program = "newsloom" if shutil.which("newsloom") else shlex.quote(sys.argv[0])
    screen.print("Look around:\n")
    screen.print(
        f"  export NEWSLOOM_LOG={shlex.quote(settings.log)} NEWSLOOM_TOPIC_PREFIX={settings.topic_prefix}",
        soft_wrap=True,
    )
    for arguments in ("stories", f"stories {example}", "watch --from-start --until-idle 1", "run --ingest YOUR.jsonl"):
        screen.print(f"  {program} {arguments}", soft_wrap=True)
