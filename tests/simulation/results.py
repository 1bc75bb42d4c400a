"""Run seeds and describe their results."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from tests.simulation.mutants import MUTANTS
from tests.simulation.simulation import SeedResult, Simulation

SETTING = (
    "In each seed, 2 or 3 embedders and 2 or 3 clusterers run the services' own steps and loop. The log (transactions,",
    "generations, compaction) and the scheduling of the processes are simulated. There are 2 or 3 partitions, and more editions",
    "than partitions; rebalances are eager in some seeds, cooperative in others. At first faults are injected at any point",
    "between two requests, while articles, commands and invalid records are written. Then the services run without faults until",
    "every record is processed.",
    "",
    "A checker with its own model checks each transaction: versions, counts, memberships, lineage, offsets, and the result of",
    "each input. At the end readers see exactly what was committed, and `newsloom state verify` finds no violation. A reference",
    "run without faults over the same records gives the same updates in the same order, the same stories, memberships and dead",
    "letters. `tests/simulation/mutants.py` has the deliberate bugs that the checker must find.",
    "",
)


def run_quietly(seed: int, mutant: str | None = None) -> SeedResult:
    """Run one seed; keep the last lines of its trace."""
    with _mutated(mutant):
        return Simulation(seed).run()


def replay(seed: int, mutant: str | None = None) -> SeedResult:
    """Run one seed; keep its whole trace."""
    with _mutated(mutant):
        return Simulation(seed, keep_trace=True).run()


def _mutated(mutant: str | None) -> AbstractContextManager[None]:
    return nullcontext() if mutant is None else MUTANTS[mutant]()


def command(result: SeedResult, mutant: str | None = None) -> str:
    """Return the command that replays the seed."""
    return f"python -m tests.simulation --seed {result.seed}" + (f" --mutant '{mutant}'" if mutant else "")


def describe(result: SeedResult, mutant: str | None = None) -> list[str]:
    """Return the result of a seed as lines of text."""
    summary = (
        f"seed {result.seed}: {len(result.problems)} problems; {result.faults.total()} faults, "
        f"{result.inputs.total()} inputs, {result.updates.total()} updates, trace {result.digest}"
    )
    if not result.problems:
        return [summary]
    return [summary, *(f"  {problem}" for problem in result.problems[:20]), f"  replay: {command(result, mutant)}"]


def render(results: Sequence[SeedResult]) -> str:
    """Render the results of all seeds as Markdown."""
    failed = [result for result in results if result.problems]
    faults, inputs, kinds, points, effects = (Counter[str]() for _ in range(5))
    for result in results:
        for name, count in result.faults.items():
            kind, _, point = name.partition(": ")
            faults[kind] += count
            points[point] += count
        effects.update(result.effects)
        inputs.update(result.inputs)
        kinds.update(result.updates)
    first, last = results[0].seed, results[-1].seed
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    fewest = min(result.faults.total() for result in results)
    counted = f"{faults.total():,} faults, at least {fewest} in each seed; {inputs.total():,} inputs"
    lines = [
        "# The simulation",
        "",
        f"`make simulate SEEDS={len(results)} SEED={first}`, {datetime.now(UTC):%Y-%m-%d}, {machine}.",
        "",
        f"**{len(results):,} seeds ({first} to {last}), {len(failed)} with a violation.** {counted}.",
        "",
        *SETTING,
        *_table("fault", faults),
        *_table("point of the fault", points),
        *_table("what they led to", effects),
        *_table("input", inputs),
        *_table("story update, cause", kinds),
    ]
    if failed:
        lines += ["## Violations", "", *(f"    {line}" for result in failed for line in describe(result))]
    return "\n".join(lines).rstrip() + "\n"


def _table(name: str, counts: Counter[str]) -> list[str]:
    rows = [f"| {kind} | {count:,} |" for kind, count in counts.most_common()]
    return [f"| {name} | times |", "|---|---:|", *rows, ""]
