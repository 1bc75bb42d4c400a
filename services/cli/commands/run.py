"""`newsloom run`: the whole installation on one machine."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from typing import TextIO

import click
import structlog

from newsloom.log import open_log
from newsloom.service import configure_logging
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from services.cli.commands.ingest import IngestError, IngestOptions, exit_status, ingest_options
from services.cli.views.ingest_progress import IngestDisplay, summary
from services.ingest.lines import InputUnreadable
from services.ingest.runner import IngestReport
from services.local.installation import (
    NewsroomPlan,
    check_log_can_be_shared,
    feed_from,
    prepare_topics,
    run_newsroom,
    standing,
)


@click.command()
@click.option(
    "--ingest", "file", metavar="FILE|-", help="Feed the services with this file, as `newsloom ingest` would."
)
@click.option("--until-drained", is_flag=True, help="End when everything on the log has been worked through.")
@click.option(
    "--log-file", type=click.File("a", lazy=False), help="Append what the services log here, not to standard error."
)
@ingest_options
@click.pass_obj
def command(
    settings: Settings, file: str | None, until_drained: bool, log_file: TextIO | None, options: IngestOptions
) -> None:
    """Run embedder and clusterer as two processes, creating missing topics first: a small newsroom's whole installation.

    A service that dies is started again. Ctrl-C or SIGTERM lets both finish the batch in hand; a second one does not wait.
    With --ingest, the options of `newsloom ingest` say how to read the file.

    Exit status: 0; 78 if something is configured wrongly; 75 if the log, or with --until-drained a service, stays away; of
    --ingest, 1 and 2 as `newsloom ingest` has them.

    \b
        newsloom run
        newsloom run --ingest articles.jsonl.gz --until-drained
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    check_log_can_be_shared(settings)
    if file is None and options != IngestOptions():
        raise click.UsageError("the options of ingest need --ingest FILE")
    log_to(log_file)
    with closing(open_log(settings, create=True)) as log, ExitStack() as stack:
        prepare_topics(log, settings)
        display = stack.enter_context(IngestDisplay(rejects=options.rejects, bar=log_file is not None))
        feed = None if file is None else feed_from(settings, options.plan(file), display)
        plan = NewsroomPlan(environ=os.environ, ingest=feed, until_drained=until_drained, output=log_file)
        try:
            report = run_newsroom(log, settings, plan)
        except InputUnreadable as error:
            raise IngestError(str(error)) from error
        _print_end(log, settings, report)
    sys.exit(0 if report is None else exit_status(report))


def log_to(log_file: TextIO | None) -> None:
    """Log as the services do, to standard error or to the file they log to."""
    configure_logging()
    if log_file is not None:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log_file))


def _print_end(log: Log, settings: Settings, report: IngestReport | None) -> None:
    if report is not None:
        click.echo(summary(report))
    for line in standing(log, settings).lines():
        click.echo(line)
