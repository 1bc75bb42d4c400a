"""Running seeds, and telling what they came to."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from tests.simulation.mutants import MUTANTS
from tests.simulation.simulation import Outcome, Simulation

SETTING = (
    "In each seed 2 or 3 embedders and 2 or 3 clusterers, the services' own steps in their own loop, work on a log with",
    "transactions, generations and compaction that is simulated, as is the order in which they go on; 2 or 3 partitions, and",
    "more editions than partitions; rebalances are eager in some seeds, cooperative in others. First faults strike, at any",
    "moment between two requests, while articles, commands and poison come in. Then there is peace, until all is done.",
    "",
    "All the while a checker with a model of its own looks at each transaction: versions, counts, memberships, lineage, offsets,",
    "what became of each input. In the end a reader sees what was committed and nothing else; `newsloom state verify` finds",
    "nothing; and embedder and clusterer, run in peace over the same records, come to the same updates in the same order, the",
    "same stories, memberships and dead letters. `tests/simulation/mutants.py` has the deliberate bugs that prove the checker.",
    "",
)


def run_quietly(seed: int, mutant: str | None = None) -> Outcome:
    """One seed, the last lines of its trace kept."""
    with _mutated(mutant):
        return Simulation(seed).run()


def replay(seed: int, mutant: str | None = None) -> Outcome:
    """One seed again, with all of its trace."""
    with _mutated(mutant):
        return Simulation(seed, keep_trace=True).run()


def _mutated(mutant: str | None) -> AbstractContextManager[None]:
    return nullcontext() if mutant is None else MUTANTS[mutant]()


def command(outcome: Outcome, mutant: str | None = None) -> str:
    """What replays a seed exactly."""
    return f"python -m tests.simulation --seed {outcome.seed}" + (f" --mutant '{mutant}'" if mutant else "")


def told(outcome: Outcome, mutant: str | None = None) -> list[str]:
    """A seed's result, in lines."""
    summary = (
        f"seed {outcome.seed}: {len(outcome.problems)} problems; {outcome.faults.total()} faults, "
        f"{outcome.inputs.total()} inputs, {outcome.updates.total()} updates, trace {outcome.digest}"
    )
    if not outcome.problems:
        return [summary]
    return [summary, *(f"  {problem}" for problem in outcome.problems[:20]), f"  replay: {command(outcome, mutant)}"]


def report(outcomes: Sequence[Outcome]) -> str:
    """All seeds together, as Markdown."""
    failed = [outcome for outcome in outcomes if outcome.problems]
    faults, inputs, kinds, moments, effects = (Counter[str]() for _ in range(5))
    for outcome in outcomes:
        for name, count in outcome.faults.items():
            kind, _, moment = name.partition(": ")
            faults[kind] += count
            moments[moment] += count
        effects.update(outcome.effects)
        inputs.update(outcome.inputs)
        kinds.update(outcome.updates)
    first, last = outcomes[0].seed, outcomes[-1].seed
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    fewest = min(outcome.faults.total() for outcome in outcomes)
    counted = f"{faults.total():,} faults, at least {fewest} in each seed; {inputs.total():,} inputs"
    lines = [
        "# The simulation",
        "",
        f"`make simulate SEEDS={len(outcomes)} SEED={first}`, {datetime.now(UTC):%Y-%m-%d}, {machine}.",
        "",
        f"**{len(outcomes):,} seeds ({first} to {last}), {len(failed)} with a violation.** {counted}.",
        "",
        *SETTING,
        *_table("fault", faults),
        *_table("moment of the fault", moments),
        *_table("what they led to", effects),
        *_table("input", inputs),
        *_table("story update, cause", kinds),
    ]
    if failed:
        lines += ["## Violations", "", *(f"    {line}" for outcome in failed for line in told(outcome))]
    return "\n".join(lines).rstrip() + "\n"


def _table(name: str, counts: Counter[str]) -> list[str]:
    rows = [f"| {kind} | {count:,} |" for kind, count in counts.most_common()]
    return [f"| {name} | times |", "|---|---:|", *rows, ""]
