"""`python -m tests.simulation`: seed after seed, each a newsroom in a storm of faults; or one of them again, to look at."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click

# Before FAISS is loaded, which reads it then: there are as many processes as cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@click.command()
@click.option("--seeds", default=100, show_default=True, help="How many seeds to run.")
@click.option("--first", default=1, show_default=True, help="The first of them.")
@click.option("--seed", type=int, help="Run this seed alone, and print everything that happens.")
@click.option("--mutant", help="Run it with one of the deliberate bugs of tests/simulation/mutants.py.")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report to this file."
)
def main(seeds: int, first: int, seed: int | None, mutant: str | None, report_file: Path | None) -> None:
    """Run the services' own code on a simulated log, with crashes, lost answers, zombies and rebalances; then prove the rest.

    Exit status 1 if anything is wrong; each seed that fails is printed with the command that replays it.
    """
    from tests.simulation.mutants import MUTANTS  # noqa: PLC0415 - after the environment is set
    from tests.simulation.report import replay, report, run_quietly, told  # noqa: PLC0415 - as above

    if mutant is not None and mutant not in MUTANTS:
        raise click.BadParameter(f"{mutant!r} is none of: {', '.join(MUTANTS)}", param_hint="--mutant")
    if seed is not None:
        outcome = replay(seed, mutant)
        click.echo("\n".join([*outcome.trace, *told(outcome, mutant)]))
        sys.exit(bool(outcome.problems))
    outcomes = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(partial(run_quietly, mutant=mutant), range(first, first + seeds), chunksize=4):
            outcomes.append(outcome)
            if outcome.problems:
                click.echo("\n".join(told(outcome, mutant)))
            if len(outcomes) % 50 == 0:
                click.echo(f"{len(outcomes)} of {seeds} seeds", err=True)
    text = report(outcomes)
    if report_file is not None:
        report_file.write_text(text)
    click.echo(text)
    sys.exit(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    main()
