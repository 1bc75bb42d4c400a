"""`python -m tests.simulation`: run many seeds, each an installation with injected faults, or replay one of them."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click

# One thread each, as there are as many processes as cores. FAISS reads this when it is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@click.command()
@click.option("--seeds", default=100, show_default=True, help="How many seeds to run.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
@click.option("--seed", type=int, help="Run this seed only, and print its whole trace.")
@click.option("--mutant", help="Run with one of the deliberate bugs of tests/simulation/mutants.py.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the results to this file."
)
def main(seeds: int, first: int, seed: int | None, mutant: str | None, report_file: Path | None) -> None:
    """Run the services' own code on a simulated log, with crashes, lost responses, zombies and rebalances, and check the result.

    The exit status is 1 if a seed has a problem; each such seed is printed with the command that replays it.
    """
    from tests.simulation.mutants import MUTANTS  # noqa: PLC0415 - after the environment is set
    from tests.simulation.results import describe, render, replay, run_quietly  # noqa: PLC0415 - as above

    if mutant is not None and mutant not in MUTANTS:
        raise click.BadParameter(f"{mutant!r} must be one of: {', '.join(MUTANTS)}", param_hint="--mutant")
    if seed is not None:
        result = replay(seed, mutant)
        click.echo("\n".join([*result.trace, *describe(result, mutant)]))
        sys.exit(bool(result.problems))
    results = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for result in pool.map(partial(run_quietly, mutant=mutant), range(first, first + seeds), chunksize=4):
            results.append(result)
            if result.problems:
                click.echo("\n".join(describe(result, mutant)))
            if len(results) % 50 == 0:
                click.echo(f"{len(results)} of {seeds} seeds", err=True)
    text = render(results)
    if report_file is not None:
        report_file.write_text(text)
    click.echo(text)
    sys.exit(any(result.problems for result in results))


if __name__ == "__main__":
    main()
