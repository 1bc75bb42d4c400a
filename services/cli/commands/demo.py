"""`newsloom demo`: run the bundled sample through the services and print the stories."""

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
from services.cli.commands.run import page_address, page_option, redirect_logs
from services.cli.views.demo_progress import DemoDisplay
from services.cli.views.demo_summary import print_counts, print_stories
from services.cli.views.formatting import console
from services.ingest.runner import IngestPlan, IngestResult
from services.local.demo_result import read_result
from services.local.installation import (
    RunPlan,
    check_log_can_be_shared,
    ingest_on_own_log,
    prepare_topics,
    run_installation,
)

LOG_LINES_SHOWN: Final = 15
PAGE_LINES_PER_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class DemoSetup:
    """The settings in which a demo differs from this process's environment, and a folder for the services' logs."""

    environ: Mapping[str, str]
    folder: Path

    @property
    def log_file(self) -> Path:
        """The file that receives the services' output."""
        return self.folder / "services.log"


def create_setup(environ: Mapping[str, str], now: datetime) -> DemoSetup:
    """Choose a new SQLite log in a new folder; if the environment names a log, new topics on that log."""
    folder = Path(tempfile.mkdtemp(prefix="newsloom-demo-"))
    # One partition per topic: the order of arrival, and therefore the result, is the same in every run.
    chosen = {
        "NEWSLOOM_PARTITIONS": "1",
        "NEWSLOOM_STATE_PARTITIONS": "1",
        "NEWSLOOM_PAGE_FILE": str(folder / "storypage.db"),
    }
    if "NEWSLOOM_LOG" in environ:
        chosen["NEWSLOOM_TOPIC_PREFIX"] = f"demo-{now:%Y%m%d-%H%M%S}."
    else:
        chosen["NEWSLOOM_LOG"] = f"sqlite:///{folder / 'newsloom.db'}"
    return DemoSetup(environ=chosen, folder=folder)


@click.command()
@page_option
def command(page_port: int | None) -> None:
    """See newsloom work on a sample stream of news.

    Sends a bundled sample through both services and shows the stories they find. It uses a new folder or, if NEWSLOOM_LOG is
    set, new topics on that log, and touches nothing else. It takes about half a minute.

    With --page, it sends two lines a second, serves the story page, where the stories grow, and runs until Ctrl-C.
    """
    started_at = time.monotonic()
    check_log_can_be_shared(load_settings(os.environ))
    setup = create_setup(os.environ, datetime.now(UTC))
    settings = load_settings({**os.environ, **setup.environ})
    screen = console()
    screen.print("A sample stream of news, through embedder and clusterer as two processes, on")
    screen.print(f"{settings.log} (topics {settings.topic_prefix}*)\n", soft_wrap=True)
    if page_port is not None:
        address = page_address(settings, page_port)
        screen.print(f"Open {address} and watch the stories grow. Ctrl-C ends the demo.\n", soft_wrap=True)
    with setup.log_file.open("a") as log_file, closing(open_log(settings, create=True)) as log:
        redirect_logs(log_file)
        with _show_log_on_failure(setup.log_file):
            ingested = _run_sample(log, settings, setup, screen, log_file, page_port=page_port)
        if ingested is None or ingested.stopped_early:
            click.echo("stopped", err=True)
            sys.exit(EXIT_INTERRUPTED)
        result = read_result(log, settings)
    print_stories(screen, result)
    print_counts(screen, ingested, result, seconds=time.monotonic() - started_at)
    _print_next_steps(screen, settings, example=result.stories[0].id if result.stories else "ID")


def _run_sample(
    log: Log, settings: Settings, setup: DemoSetup, screen: Console, log_file: TextIO, *, page_port: int | None
) -> IngestResult | None:
    prepare_topics(log, settings)
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = sample.read_bytes().count(b"\n")
        with DemoDisplay(screen, lines=lines) as display:
            rate = None if page_port is None else PAGE_LINES_PER_S
            plan = RunPlan(
                environ={**os.environ, **setup.environ},
                ingest=ingest_on_own_log(settings, IngestPlan(file=str(sample), lines_per_s=rate), display),
                until_drained=page_port is None,
                output=log_file,
                on_backlog=display.show_backlog,
                page_port=page_port,
            )
            return run_installation(settings, plan)


@contextmanager
def _show_log_on_failure(log_file: Path) -> Iterator[None]:
    try:
        yield
    except LogError:
        lines = log_file.read_text(errors="replace").splitlines()
        click.echo(f"The end of {log_file}:", err=True)
        for line in lines[-LOG_LINES_SHOWN:]:
            click.echo(f"  {escape(line)}", err=True)
        raise


def _print_next_steps(screen: Console, settings: Settings, *, example: str) -> None:
    program = "newsloom" if shutil.which("newsloom") else shlex.quote(sys.argv[0])
    screen.print("Look around:\n")
    screen.print(
        f"  export NEWSLOOM_LOG={shlex.quote(settings.log)} NEWSLOOM_TOPIC_PREFIX={settings.topic_prefix}",
        soft_wrap=True,
    )
    for arguments in ("stories", f"stories {example}", "watch --from-start --until-idle 1", "run --ingest YOUR.jsonl"):
        screen.print(f"  {program} {arguments}", soft_wrap=True)
