"""`newsloom state`: whether what stands on the topics is as it must be."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.text import Text

from newsloom.log import open_log
from newsloom.settings import Settings
from newsloom.terminal import escape
from services.cli.views.formatting import console, count, cut, print_json, print_table, table
from services.verifier.verification import Verification, verify_topics

VIOLATIONS_MAX: Final = 20
"""As many of each invariant are shown; all of them with `--format json`."""


@click.group(name="state")
def command() -> None:
    """See whether what stands on the topics is as it must be.

    \b
    Examples:
      newsloom state verify
      newsloom state verify --format json | jq .violations
    """  # noqa: D301 - click wants a real backspace before lines it shall not wrap


@command.command(name="verify")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="json: one object, with every violation.",
)
@click.pass_context
def verify(ctx: click.Context, *, form: str) -> None:
    """Hold every invariant against the topics; exit status 1 if one does not hold.

    Nothing is written and no group is joined. Stop the services and producers first (status 75 if one is at work): what is
    written while the topics are read is of no one moment. Where NEWSLOOM_RETENTION_DAYS was ever lower than now, set it to
    the lowest: stories may have been forgotten then.
    """
    settings: Settings = ctx.obj
    with closing(open_log(settings)) as log:
        verification = verify_topics(log, settings)
    if form == "json":
        print_json(msgspec.json.encode(_fields(verification), order="deterministic"))
    else:
        _print_text(console(), verification)
    ctx.exit(1 if any(verification.findings.violations.values()) else 0)


def _fields(verification: Verification) -> dict[str, object]:
    findings = verification.findings
    return {
        "records": {f"{source.topic}/{source.partition}": number for source, number in verification.records.items()},
        "partitions": [
            {"partition": number, "editions": held.editions, "stories": held.stories, "articles": held.articles}
            for number, held in verification.partitions.items()
        ],
        "invariants": [
            {
                "name": invariant.name.lower().replace("_", "-"),
                "holds": not violations,
                "examined": findings.checked[invariant],
                "statement": invariant.value,
            }
            for invariant, violations in findings.violations.items()
        ],
        "violations": [
            {"invariant": invariant.name.lower().replace("_", "-"), "violation": violation}
            for invariant, violations in findings.violations.items()
            for violation in violations
        ],
        "unchecked": findings.unchecked,
    }


def _print_text(screen: Console, verification: Verification) -> None:
    rows = table("records", "partition", numbers=1)
    for source, number in sorted(verification.records.items()):
        rows.add_row(f"{number:,}", cut(f"{source.topic}/{source.partition}"))
    print_table(screen, rows)
    screen.print()
    rows = table("editions", "stories", "articles", "state partition", numbers=3)
    for number, held in verification.partitions.items():
        rows.add_row(f"{held.editions:,}", f"{held.stories:,}", f"{held.articles:,}", cut(str(number)))
    print_table(screen, rows)
    screen.print()
    _print_invariants(screen, verification)
    for line in verification.findings.unchecked:
        screen.print(Text(f"cannot be checked: {escape(line)}"))
    violations = sum(map(len, verification.findings.violations.values()))
    click.echo("every invariant holds" if not violations else count(violations, "violation"), err=True)


def _print_invariants(screen: Console, verification: Verification) -> None:
    findings = verification.findings
    rows = table("examined", "", "invariant", numbers=1)
    for invariant, violations in findings.violations.items():
        verdict = Text("BROKEN", "bold red") if violations else Text("ok", "green")
        rows.add_row(f"{findings.checked[invariant]:,}", verdict, cut(invariant.value))
    print_table(screen, rows)
    for invariant, violations in findings.violations.items():
        if violations:
            screen.print()
            screen.print(Text(f"Broken: {invariant.value}", "bold"))
        for violation in violations[:VIOLATIONS_MAX]:
            screen.print(Text(f"  {escape(violation)}"), soft_wrap=True)
        if len(violations) > VIOLATIONS_MAX:
            screen.print(Text(f"  and {len(violations) - VIOLATIONS_MAX:,} more"))
