"""`python -m tests.accidents`: what ordinary accidents cost at several sizes, on a SQLite log in a temporary folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import structlog

from benchmarks.core import describe_run
from newsloom.settings import Settings
from newsloom.streaming.sqlite import open_sqlite
from tests.accidents.clusterer_run import MODEL, ClustererRun, Cost
from tests.accidents.copies import ORDERS, correct, withdraw_all
from tests.accidents.edition_memory import empty, fill, restart
from tests.accidents.long_article import long_article
from tests.accidents.stories import large_story, many_outlets, merges, open_stories


@click.command()
@click.option("--copies", "sizes", multiple=True, type=int, default=(1_000, 5_000, 20_000), show_default=True)
@click.option("--editions", default=20_000, show_default=True, help="Editions of one article.")
@click.option("--reports", default=50_000, show_default=True, help="Reports of one event.")
@click.option("--outlets", default=100_000, show_default=True, help="Outlets that publish one text.")
@click.option("--open-stories", "stories", default=100_000, show_default=True, help="Open stories of one edition.")
@click.option("--merges", "merge_count", default=1_000, show_default=True, help="Merges into one story by commands.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results here."
)
def main(
    *,
    sizes: tuple[int, ...],
    editions: int,
    reports: int,
    outlets: int,
    stories: int,
    merge_count: int,
    report_file: Path | None,
) -> None:
    """Publish copies of one text, withdraw or correct them, check the result, and print what an event costs.

    Do the same with stories of unusual size and number: an event of the second half must cost no more than one of the first. Then
    publish one article in each of many editions, and print the memory of a clusterer.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    rows = [
        "| articles | what | CPU ms per event | slowest batch (s) | records per event | KB per event | KB of file per event |",
        "|---:|---|---:|---:|---:|---:|---:|",
    ]
    for size in sizes:
        for order in ORDERS:
            rows.append(_row(size, f"all withdrawn {order}", partial(withdraw_all, count=size, order=order)))
            click.echo(rows[-1])
        rows.append(_row(size, "a quarter corrected", partial(correct, count=size, corrections=size // 4)))
        click.echo(rows[-1])
    for size, what, accident in (
        (reports, "reports of one event, the second half", large_story),
        (outlets, "copies by an outlet each, the second half", many_outlets),
        (stories, "open stories, the second half", open_stories),
        (merge_count, "merges into one story by commands", merges),
    ):
        if size:
            rows.append(_row(size, what, partial(accident, count=size)))
            click.echo(rows[-1])
    rows += ["", long_article()]
    click.echo(rows[-1])
    memory = _edition_memory(editions)
    click.echo("\n".join(memory))
    text = "\n".join([f"# Accidents\n\n`python -m tests.accidents`, {describe_run()}\n", *rows, "", *memory])
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


def _edition_memory(editions: int) -> list[str]:
    """Return a table of the memory of processes that fill a log with editions, restore them, and retract their articles."""
    rows = [f"| a clusterer of {editions:,} editions of one article | resident MB |", "|---|---:|"]
    if not editions:
        return []
    with TemporaryDirectory() as folder, ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        url = f"sqlite:///{folder}/news.db"
        for what, phase in (("after all have arrived", fill), ("after a restart", restart), ("emptied", empty)):
            rows.append(f"| {what} | {pool.submit(phase, url, editions).result() / 1e6:,.0f} |")
    return rows


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


if __name__ == "__main__":
    main()
