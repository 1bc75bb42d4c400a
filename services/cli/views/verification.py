"""Print the result of `newsloom state verify` as text or JSON."""

from __future__ import annotations

from typing import Final

import click
import msgspec
from rich.console import Console
from rich.text import Text

from newsloom.terminal import escape
from services.cli.views.formatting import count, one_line, print_json, print_table, table
from services.verifier.findings import Invariant
from services.verifier.verification import Verification

VIOLATIONS_MAX: Final = 20
"""Violations shown per invariant; JSON has all of them."""


def print_verification_json(verification: Verification) -> None:
    """Print one object with every count and violation."""
    findings = verification.findings
    fields = {
        "records": {f"{source.topic}/{source.partition}": number for source, number in verification.records.items()},
        "partitions": [
            {"partition": number, "editions": counts.editions, "stories": counts.stories, "articles": counts.articles}
            for number, counts in verification.partitions.items()
        ],
        "invariants": [
            {
                "name": _name(invariant),
                "holds": not violations,
                "examined": findings.checked[invariant],
                "statement": invariant.value,
            }
            for invariant, violations in findings.violations.items()
        ],
        "violations": [
            {"invariant": _name(invariant), "violation": violation}
            for invariant, violations in findings.violations.items()
            for violation in violations
        ],
        "unchecked": findings.unchecked,
        "warnings": findings.warnings,
    }
    print_json(msgspec.json.encode(fields, order="deterministic"))


def print_verification(screen: Console, verification: Verification) -> None:
    """Print the records by partition, the state by partition, each invariant, and the first violations of each."""
    rows = table("records", "partition", numbers=1)
    for source, number in sorted(verification.records.items()):
        rows.add_row(f"{number:,}", one_line(f"{source.topic}/{source.partition}"))
    print_table(screen, rows)
    screen.print()
    rows = table("editions", "stories", "articles", "state partition", numbers=3)
    for number, counts in verification.partitions.items():
        rows.add_row(f"{counts.editions:,}", f"{counts.stories:,}", f"{counts.articles:,}", one_line(str(number)))
    print_table(screen, rows)
    screen.print()
    _print_invariants(screen, verification)
    for line in verification.findings.unchecked:
        screen.print(Text(f"cannot be checked: {escape(line)}"))
    for line in verification.findings.warnings:
        screen.print(Text(f"warning: {escape(line)}", "yellow"))
    violations = sum(map(len, verification.findings.violations.values()))
    click.echo("every invariant holds" if not violations else count(violations, "violation"), err=True)


def _print_invariants(screen: Console, verification: Verification) -> None:
    findings = verification.findings
    rows = table("examined", "", "invariant", numbers=1)
    for invariant, violations in findings.violations.items():
        verdict = Text("BROKEN", "bold red") if violations else Text("ok", "green")
        rows.add_row(f"{findings.checked[invariant]:,}", verdict, one_line(invariant.value))
    print_table(screen, rows)
    for invariant, violations in findings.violations.items():
        if violations:
            screen.print()
            screen.print(Text(f"Broken: {invariant.value}", "bold"))
        for violation in violations[:VIOLATIONS_MAX]:
            screen.print(Text(f"  {escape(violation)}"), soft_wrap=True)
        if len(violations) > VIOLATIONS_MAX:
            screen.print(Text(f"  and {len(violations) - VIOLATIONS_MAX:,} more"))


def _name(invariant: Invariant) -> str:
    return invariant.name.lower().replace("_", "-")
