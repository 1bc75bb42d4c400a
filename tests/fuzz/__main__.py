"""`python -m tests.fuzz`: a soak of hostile records, and the report of it."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Final

import click

from tests.fuzz.report import Soak, report
from tests.fuzz.run import run

NEWSROOM: Final = 10_000
"""Records for one newsroom, two weeks of event time. Then a new one begins, for a log in memory only grows."""


@click.command()
@click.option("--records", default=1_000_000, show_default=True, help="Records to send.")
@click.option("--seed", default=1, show_default=True, help="Of the records.")
@click.option(
    "--processes", default=2, show_default=True, help="Newsrooms at the same time. What is sent does not depend on it."
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report there, anew after each newsroom.",
)
def main(records: int, seed: int, processes: int, report_file: Path | None) -> None:
    """Send hostile records, mixed with valid ones, through both services, and account for every one of them.

    Ends at the first that is lost, counted twice, or neither processed nor a dead letter as it came.
    """
    begun_s = monotonic()
    soak = Soak(records=records, seed=seed, processes=processes)
    sizes = [min(NEWSROOM, records - begin) for begin in range(0, records, NEWSROOM)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done, seen in enumerate(pool.map(run, sizes, repeat(seed), range(len(sizes))), start=1):
            soak.add(seen)
            soak.seconds = monotonic() - begun_s
            if report_file is not None:
                _write(report_file, soak)
            click.echo(f"{done} of {len(sizes)} newsrooms, {soak.seconds:.0f} s", err=True)


def _write(file: Path, soak: Soak) -> None:
    """What has been seen so far: a soak that is interrupted leaves the report of as much as it has done."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(report(soak)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
