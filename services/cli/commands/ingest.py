"""`newsloom ingest`: a file of articles onto the log."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, Final

import click

from newsloom.contracts.article import DEFAULT_EDITION, EDITION_PATTERN
from newsloom.log import open_log
from newsloom.settings import Settings
from services.cli.views.ingest_progress import IngestDisplay, summary
from services.ingest.article_parser import MAPPABLE, Rules
from services.ingest.lines import InputUnreadable
from services.ingest.runner import IngestPlan, IngestReport, ingest

EXIT_REJECTED: Final = 1
EXIT_INTERRUPTED: Final = 130


class IngestError(click.ClickException):
    """The input cannot be read; one line, exit status 2."""

    exit_code = 2


def parse_mapping(_ctx: click.Context, _param: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """`--map outlet=source` as a dict; a field that no article has is wrong usage."""
    sources = {}
    for pair in pairs:
        known, _, name = pair.partition("=")
        if known not in MAPPABLE or not name:
            raise click.BadParameter(f"{pair!r}: use FIELD=NAME_IN_FILE; the fields are {', '.join(MAPPABLE)}")
        sources[known] = name
    return sources


def parse_edition(_ctx: click.Context, _param: click.Parameter, edition: str) -> str:
    """The edition, if it can be one."""
    if not re.search(EDITION_PATTERN, edition):
        raise click.BadParameter(f"{edition!r} does not match {EDITION_PATTERN}")
    return edition


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestOptions:
    """What `ingest` and `run --ingest` can be told about a file."""

    rules: Rules = field(default_factory=Rules)
    from_start: bool = False
    strict: bool = False
    rejects: IO[bytes] | None = None

    def plan(self, file: str) -> IngestPlan:
        """The plan for `file`."""
        return IngestPlan(file=file, rules=self.rules, from_start=self.from_start, strict=self.strict)


_OPTIONS: Final = (
    click.option(
        "--map",
        "sources",
        multiple=True,
        callback=parse_mapping,
        metavar="FIELD=NAME",
        help="The file calls FIELD by another NAME: --map outlet=source --map language=lang. Repeatable.",
    ),
    click.option(
        "--edition",
        default=DEFAULT_EDITION,
        show_default=True,
        callback=parse_edition,
        metavar="NAME",
        help="Edition of articles that name none.",
    ),
    click.option(
        "--edition-from-language",
        is_flag=True,
        help="The language (en-US: en) is the edition of articles that name none.",
    ),
    click.option("--from-start", is_flag=True, help="Do not resume; unchanged articles change nothing."),
    click.option(
        "--strict", is_flag=True, help="End at the first rejected line, with exit status 1; those before it are in."
    ),
    click.option(
        "--rejects",
        type=click.File("ab", lazy=False),
        help="Append every rejected line to this file: number, field, reason and the line itself, as JSON lines.",
    ),
)


def ingest_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options and pass them to `function` as `options`, one `IngestOptions`."""

    @functools.wraps(function)
    def with_options(
        *args: Any,
        sources: dict[str, str],
        edition: str,
        edition_from_language: bool,
        from_start: bool,
        strict: bool,
        rejects: IO[bytes] | None,
        **others: Any,
    ) -> None:
        rules = Rules(sources=sources, edition=edition, edition_from_language=edition_from_language)
        options = IngestOptions(rules=rules, from_start=from_start, strict=strict, rejects=rejects)
        function(*args, options=options, **others)

    decorated: Callable[..., None] = with_options
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


@click.command()
@click.argument("file", metavar="FILE|-")
@ingest_options
@click.pass_obj
def command(settings: Settings, file: str, options: IngestOptions) -> None:
    """Take in articles: JSON lines, plain or gzip, from a file or standard input.

    A line needs id, title and text; it may have published_at (RFC 3339; a bare date is midnight UTC), url, outlet, author,
    language, leaning (left, center or right) and edition. Other fields are dropped. {"id": "...", "retracted": true} withdraws
    an article.

    Each line is taken in exactly once: after an interruption, run the same command again and it goes on where it was. A
    file that has changed is taken in from its start, where unchanged articles change nothing and others count as corrections.

    Rejected lines are reported and do not stop the rest. Exit status: 0; 1 if nothing but rejected lines came, or one with
    --strict; 2 if the input cannot be read.

    \b
        newsloom ingest articles.jsonl.gz
        newsloom ingest scraped.jsonl --map outlet=source --map language=lang --edition-from-language
        my-crawler | newsloom ingest -
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap
    with ExitStack() as stack:
        log = open_log(settings)
        stack.callback(log.close)
        display = stack.enter_context(IngestDisplay(rejects=options.rejects))
        try:
            report = ingest(log, settings, options.plan(file), display)
        except InputUnreadable as error:
            raise IngestError(str(error)) from error
        except KeyboardInterrupt:
            click.echo("interrupted" if file == "-" else "interrupted: the same command goes on from here", err=True)
            sys.exit(EXIT_INTERRUPTED)
    click.echo(summary(report))
    sys.exit(exit_status(report))


def exit_status(report: IngestReport) -> int:
    """0, or 1 where nothing but rejected lines came or a strict ingest ended at one."""
    return EXIT_REJECTED if report.rejected and (report.ended_early or not report.articles + report.retractions) else 0
