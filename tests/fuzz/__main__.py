"""`python -m tests.fuzz`: a long run of hostile records, and its result."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Final

import click

from tests.fuzz.results import FuzzResult, render
from tests.fuzz.run import run

INSTALLATION_RECORDS: Final = 10_000
"""Records for one installation, two weeks of event time. Then a new one begins, as a log in memory only grows."""


@click.command()
@click.option("--records", default=1_000_000, show_default=True, help="Records to send.")
@click.option("--seed", default=1, show_default=True, help="Seed of the records.")
@click.option(
    "--processes",
    default=2,
    show_default=True,
    help="Number of installations at the same time. The records do not depend on it.",
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result to this file, after each installation.",
)
def main(records: int, seed: int, processes: int, report_file: Path | None) -> None:
    """Send hostile and valid records through both services, and check the result of each.

    Stop at the first record that is lost, processed twice, or neither processed nor an unchanged dead letter.
    """
    begun_s = monotonic()
    result = FuzzResult(records=records, seed=seed, processes=processes)
    sizes = [min(INSTALLATION_RECORDS, records - begin) for begin in range(0, records, INSTALLATION_RECORDS)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for done, run_result in enumerate(pool.map(run, sizes, repeat(seed), range(len(sizes))), start=1):
            result.add(run_result)
            result.seconds = monotonic() - begun_s
            if report_file is not None:
                _write(report_file, result)
            click.echo(f"{done} of {len(sizes)} installations, {result.seconds:.0f} s", err=True)


def _write(file: Path, result: FuzzResult) -> None:
    """Write the result so far, so that an interrupted run leaves one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(render(result)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
