"""`python -m tests.accidents`: what ordinary accidents cost at several sizes, on a SQLite log in a temporary folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import structlog

from benchmarks.core import describe_run
from newsloom.settings import Settings
from newsloom.streaming.sqlite import open_sqlite
from tests.accidents.clusterer_run import MODEL, ClustererRun, Cost
from tests.accidents.copies import ORDERS, correct, withdraw_all


@click.command()
@click.option("--copies", "sizes", multiple=True, type=int, default=(1_000, 5_000, 20_000), show_default=True)
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results here."
)
def main(sizes: tuple[int, ...], report_file: Path | None) -> None:
    """Publish copies of one text, withdraw or correct them, check the result, and print what an event costs."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    rows = [
        "| copies | then | CPU ms per event | slowest batch (s) | records per event | KB per event | KB of file per event |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for size in sizes:
        for order in ORDERS:
            rows.append(_row(size, f"all withdrawn {order}", partial(withdraw_all, count=size, order=order)))
            click.echo(rows[-1])
        rows.append(_row(size, "a quarter corrected", partial(correct, count=size, corrections=size // 4)))
        click.echo(rows[-1])
    text = "\n".join([describe_run(), "", *rows])
    if report_file is not None:
        report_file.write_text(f"{text}\n")


def _row(size: int, what: str, accident: Callable[[ClustererRun], tuple[Cost, Cost]]) -> str:
    with TemporaryDirectory() as folder:
        log = open_sqlite(f"sqlite:///{folder}/news.db")
        try:
            run = ClustererRun(log, Settings(log="sqlite://", model=MODEL), lambda: _folder_bytes(Path(folder)))
            _, cost = accident(run)
            violations = run.find_violations()
        finally:
            log.close()
    if violations:
        raise click.ClickException("\n".join(violations[:10]))
    each = cost.events
    return (
        f"| {size:,} | {what} | {1_000 * cost.cpu_s / each:.2f} | {cost.slowest_batch_s:.2f} | {cost.records / each:.2f} "
        f"| {cost.written_bytes / each / 1_000:.2f} | {cost.file_bytes / each / 1_000:.2f} |"
    )


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    main()
