"""`newsloom state`: check the contents of the topics."""

from __future__ import annotations

from contextlib import closing

import click

from newsloom.log import open_log
from newsloom.settings import Settings
from services.cli.commands import format_option
from services.cli.views.formatting import console
from services.cli.views.verification import print_verification, print_verification_json
from services.verifier.verification import verify_topics


@click.group(name="state")
def command() -> None:
    """Check the contents of the topics.

    \b
    Examples:
      newsloom state verify
      newsloom state verify --format json | jq .violations
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


@command.command(name="verify")
@format_option("one object, with every violation")
@click.pass_context
def verify(ctx: click.Context, *, form: str) -> None:
    """Check every invariant on the topics.

    Exit status 1 if one does not hold. Nothing is written and no group is joined. Stop services and producers first (exit
    status 75 if one is running): topics that change while they are read cannot be compared. If NEWSLOOM_RETENTION_DAYS was
    ever lower than now, set it to the lowest value: stories may have been forgotten then.
    """
    settings: Settings = ctx.obj
    with closing(open_log(settings)) as log:
        verification = verify_topics(log, settings)
    if form == "json":
        print_verification_json(verification)
    else:
        print_verification(console(), verification)
    ctx.exit(1 if any(verification.findings.violations.values()) else 0)
