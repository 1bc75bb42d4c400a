"""`newsloom run`: the whole installation on one machine."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import IO, Any, Final, TextIO

import click
import structlog

from newsloom.log import open_log
from newsloom.service import configure_logging
from newsloom.settings import Settings, load_settings
from services.cli.commands.ingest import InputError, check_rejects, exit_status, ingest_options, ingest_plan
from services.cli.views.ingest_progress import IngestDisplay
from services.cli.views.run_summary import ingest_summary, log_summary
from services.feeds.feed_list import is_feed_list, is_feed_url
from services.ingest.lines import UnreadableInput
from services.ingest.runner import IngestPlan
from services.local.installation import (
    RunPlan,
    check_log_can_be_shared,
    ingest_on_own_log,
    prepare_topics,
    run_installation,
    summarize_log,
)

_FROM_SETTING: Final = "NEWSLOOM_PAGE_PORT"


class _Port(click.IntRange):
    """A port number, or that of the setting."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == _FROM_SETTING:
            return load_settings(os.environ).page_port
        return super().convert(value, param, ctx)


page_option: Final = click.option(
    "--page",
    "page_port",
    metavar="[PORT]",
    type=_Port(1, 65_535),
    is_flag=False,
    flag_value=_FROM_SETTING,
    help=f"Serve the story page too. [port {_FROM_SETTING}, {Settings().page_port} if that is not set]",
)


@click.command()
@click.option("--ingest", "file", metavar="FILE|-", help="Ingest this file meanwhile, as `newsloom ingest` would.")
@click.option("--until-drained", is_flag=True, help="Exit when every record on the log is processed.")
@click.option(
    "--log-file",
    type=click.File("a", lazy=False),
    help="Append the services' logs to this file, not to standard error.",
)
@page_option
@ingest_options
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    file: str | None,
    until_drained: bool,
    log_file: TextIO | None,
    page_port: int | None,
    rejects: IO[bytes] | None,
    **options: Any,
) -> None:
    """Run the whole installation on this machine.

    Creates missing topics and runs embedder and clusterer as two processes, and the story page as a third with --page. A
    service that dies is restarted. After Ctrl-C or SIGTERM, they finish their current batch; after a second one they are killed.
    With --ingest, the options of `newsloom ingest` say how to read the file.

    Exit status: 0; 78 if a setting is wrong; 75 if the log is unavailable or, with --until-drained, a service keeps dying; with
    --ingest also 1 and 2, as for `newsloom ingest`.

    \b
        newsloom run --page
        newsloom run --ingest articles.jsonl.gz --until-drained
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    if file is not None and (is_feed_url(file) or is_feed_list(file)):
        raise click.UsageError(f"--ingest reads files: for feeds, run `newsloom ingest {file} --follow` beside it")
    check_log_can_be_shared(settings)
    input_plan = ingest_plan(file or "-", **options)
    if file is None and (rejects is not None or input_plan != IngestPlan(file="-")):
        raise click.UsageError("the options of ingest need --ingest FILE")
    check_rejects(file or "-", rejects)
    redirect_logs(log_file)
    display = IngestDisplay(rejects=rejects, bar=log_file is not None)
    with closing(open_log(settings, create=True)) as log, display:
        prepare_topics(log, settings)
        ingest = None if file is None else ingest_on_own_log(settings, input_plan, display)
        plan = RunPlan(
            environ=os.environ, ingest=ingest, until_drained=until_drained, output=log_file, page_port=page_port
        )
        if page_port is not None:
            click.echo(f"The story page: {page_address(settings, page_port)}")
        try:
            result = run_installation(settings, plan)
        except UnreadableInput as error:
            raise InputError(str(error)) from error
        if result is not None:
            click.echo(ingest_summary(result, input_plan.parsing))
        for line in log_summary(summarize_log(log, settings)):
            click.echo(line)
    sys.exit(0 if result is None else exit_status(result))


def page_address(settings: Settings, port: int) -> str:
    """Return the story page's address for a browser on this machine."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - a comparison
    host = everywhere.get(settings.page_address, settings.page_address)
    return f"http://{host}:{port}/"


def redirect_logs(log_file: TextIO | None) -> None:
    """Log in the services' format, to the same file as they do; None: to standard error."""
    configure_logging()
    if log_file is not None:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(log_file))
