"""Markdown tables, padded so that they read well on a terminal as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evaluation.scores.comparison import F1Row

MACRO: Final = "macro average"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with the first column aligned left and the others right."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join("| " + " | ".join(_aligned(row, widths)) + " |" for row in (heads, rule, *rows))


def share(value: float) -> str:
    """Format a share, such as `.912` or `1.000`."""
    return f"{value:.3f}".removeprefix("0")


def f1_table(head: str, rows: Sequence[F1Row]) -> str:
    """Return B-cubed F1 by configuration and stream, and on average."""
    return table([head, *rows[0].f1, MACRO], [_f1_cells(row) for row in rows])


def comparison_table(shipped: F1Row, others: Sequence[F1Row]) -> str:
    """Return the F1 table with the change of the average from the shipped configuration in the last column."""
    rows = [[*_f1_cells(row), f"{row.mean - shipped.mean:+.4f}"] for row in others]
    return table(["configuration", *shipped.f1, MACRO, "change"], [[*_f1_cells(shipped), ""], *rows])


def _f1_cells(row: F1Row) -> list[str]:
    return [row.name, *map(share, row.f1.values()), share(row.mean)]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
