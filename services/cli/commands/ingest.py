"""`newsloom ingest`: write the articles of a file or of feeds to the log."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Final, TypeVar
from zoneinfo import ZoneInfo

import click

from newsloom.contracts.article import DEFAULT_EDITION, EDITION_PATTERN
from newsloom.log import open_log
from newsloom.settings import Settings
from services.cli.commands.ingest_feeds import ingest_feeds
from services.cli.commands.ingest_http import ingest_requests
from services.cli.views.ingest_progress import IngestDisplay
from services.cli.views.run_summary import ingest_summary
from services.feeds.feed_list import is_feed_list, is_feed_url
from services.feeds.runner import INTERVAL_S
from services.ingest.article_parser import DEFAULT_TIMEZONE, MAPPABLE, ParseOptions
from services.ingest.lines import UnreadableInput
from services.ingest.runner import IngestPlan, IngestResult, ingest

EXIT_REJECTED: Final = 1
EXIT_INTERRUPTED: Final = 130
RUN_AGAIN: Final = "interrupted: run the same command again to continue"

F = TypeVar("F", bound=Callable[..., Any])


class InputError(click.ClickException):
    """The input cannot be read; one line, exit status 2."""

    exit_code = 2


def parse_mapping(_ctx: click.Context, _param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Turn `--map outlet=source` into a dict; raise `BadParameter` for a field that articles do not have."""
    sources = {}
    for pair in pairs:
        field_name, _, name = pair.partition("=")
        if field_name not in MAPPABLE or not name:
            raise click.BadParameter(f"{pair!r}: use FIELD=NAME_IN_FILE; the fields are {', '.join(MAPPABLE)}")
        sources[field_name] = name
    return sources


def parse_edition(_ctx: click.Context, _param: click.Parameter, edition: str) -> str:
    """Return the edition; raise `BadParameter` if it is not a valid name."""
    if not re.search(EDITION_PATTERN, edition):
        raise click.BadParameter(f"{edition!r} does not match {EDITION_PATTERN}")
    return edition


def parse_timezone(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    """Return the name of the time zone; raise `BadParameter` if the IANA database does not have it."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise click.BadParameter(f"{name!r} is not a time zone such as Europe/Berlin or UTC") from error
    return name


_OPTIONS: Final = (
    click.option(
        "--map",
        "sources",
        multiple=True,
        callback=parse_mapping,
        metavar="FIELD=NAME",
        help="The name of FIELD in the file: --map outlet=source --map language=lang. Repeatable.",
    ),
    click.option(
        "--edition",
        default=DEFAULT_EDITION,
        show_default=True,
        callback=parse_edition,
        metavar="NAME",
        help="Edition of articles without one.",
    ),
    click.option(
        "--edition-from-language",
        is_flag=True,
        help="Use the language (for en-US: en) as the edition of articles without one.",
    ),
    click.option(
        "--timezone",
        default=DEFAULT_TIMEZONE,
        show_default=True,
        callback=parse_timezone,
        metavar="ZONE",
        help="Time zone of dates that name none: --timezone Europe/Berlin.",
    ),
    click.option(
        "--from-start",
        is_flag=True,
        help="Do not resume an earlier run, and forget when a feed may be asked again; unchanged articles change nothing.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Stop at the first rejected line, with exit status 1; the lines before it are ingested.",
    ),
    click.option(
        "--rejects",
        type=click.File("ab", lazy=False),
        help="Append every rejected line to this file as JSON lines: number, field, reason and the line itself.",
    ),
)


def ingest_options(function: F) -> F:
    """Add the options of an ingest: `rejects`, and the others of `ingest_plan`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def check_rejects(file: str, rejects: IO[bytes] | None) -> None:
    """Raise `UsageError` if rejected lines would be appended to the input itself, which would then never end."""
    if rejects is None:
        return
    try:
        source = os.fstat(sys.stdin.fileno()) if file == "-" else Path(file).stat()
    except (OSError, ValueError):
        return  # `ingest` reports a file that cannot be read.
    if stat.S_ISREG(source.st_mode) and os.path.samestat(source, os.fstat(rejects.fileno())):
        raise click.UsageError(f"--rejects {rejects.name} is the input itself: name another file")


def ingest_plan(file: str, *, from_start: bool, strict: bool, **parsing: Any) -> IngestPlan:
    """Build the plan from the values of the options."""
    return IngestPlan(file=file, parsing=ParseOptions(**parsing), from_start=from_start, strict=strict)


@click.command()
@click.argument("file", metavar="[FILE|-|URL|LIST.toml]", required=False)
@ingest_options
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Take articles from requests at this address, instead of a file, until a signal.",
)
@click.option("--follow", is_flag=True, help="Read the feeds again and again, until a signal.")
@click.option(
    "--interval",
    "interval_min",
    type=click.IntRange(min=1, max=1_440),
    default=INTERVAL_S // 60,
    show_default=True,
    metavar="MINUTES",
    help="Ask for a feed no more often than this.",
)
@click.pass_obj
def command(
    settings: Settings,
    /,
    *,
    file: str | None,
    rejects: IO[bytes] | None,
    listen: str | None,
    follow: bool,
    interval_min: int,
    **options: Any,
) -> None:
    """Ingest articles from a file, from standard input, from feeds, or from requests.

    A file is JSON lines, plain or gzip. A line needs id, title and text; it may have published_at (RFC 3339, RFC 822, Unix
    time or another date that can be read in one way only), url, outlet, author, language, leaning (left, center or right) and
    edition. Other fields are dropped. Titles over 2,000 characters and texts over 300,000 are cut and end in "[cut]".
    {"id": "...", "retracted": true} retracts an article.

    Each line is ingested exactly once: after an interruption, run the same command again to continue. A file whose earlier
    lines have changed is ingested from its start; there, unchanged articles change nothing and changed ones are corrections.

    Rejected lines are reported and do not stop the others. Exit status: 0; 1 if every line was rejected, or one with --strict;
    2 if the input cannot be read.

    An http or https URL is an RSS, Atom or JSON feed; a file whose name ends in .toml is a list of feeds, with outlet, leaning,
    edition and language of each. A feed is asked for no more often than its server allows. A changed entry is a correction, an
    unchanged one is not written again. A feed that fails does not stop the others; with --follow it is tried again, less
    and less often. Exit status: 0; 1 if no feed could be read.

    With --listen, POST /articles takes lines as in a file, all of a request or none: 202 once they are on the log.

    \b
        newsloom ingest articles.jsonl.gz
        newsloom ingest scraped.jsonl --map outlet=source --map language=lang --edition-from-language
        my-crawler | newsloom ingest -
        newsloom ingest https://example.org/news/rss.xml
        newsloom ingest feeds.toml --follow
        newsloom ingest --listen 127.0.0.1:8090
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    if (file is None) == (listen is None):
        raise click.UsageError("name a file, a feed or a list of feeds, or use --listen HOST:PORT")
    if listen is not None:
        sys.exit(ingest_requests(settings, listen, rejects=rejects, **options))
    assert file is not None  # noqa: S101 - for the type checker
    if is_feed_url(file) or is_feed_list(file):
        try:
            status = ingest_feeds(
                settings, file, follow=follow, interval_s=60 * interval_min, rejects=rejects, **options
            )
        except KeyboardInterrupt:
            click.echo(RUN_AGAIN, err=True)
            status = EXIT_INTERRUPTED
        sys.exit(status)
    if follow:
        raise click.UsageError("--follow needs a feed's URL or a list of feeds, LIST.toml")
    check_rejects(file, rejects)
    plan = ingest_plan(file, **options)
    with closing(open_log(settings)) as log, IngestDisplay(rejects=rejects) as display:
        try:
            result = ingest(log, settings, plan, display)
        except UnreadableInput as error:
            raise InputError(str(error)) from error
        except KeyboardInterrupt:
            click.echo("interrupted" if file == "-" else RUN_AGAIN, err=True)
            sys.exit(EXIT_INTERRUPTED)
    click.echo(ingest_summary(result, plan.parsing))
    sys.exit(exit_status(result))


def exit_status(result: IngestResult) -> int:
    """Return 0, or 1 if every line was rejected or a strict ingest stopped at one."""
    return (
        EXIT_REJECTED if result.rejected and (result.stopped_early or not result.articles + result.retractions) else 0
    )
