"""In every seed, faults break no promise, and the final state is that of a run without faults."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.results import describe, replay, run_quietly
from tests.simulation.simulation import FAULTS_MIN

SEED = 7


def check(seed: int) -> None:
    result = run_quietly(seed)
    assert not result.problems, "\n".join([*result.trace, *describe(result)])
    assert result.faults.total() >= FAULTS_MIN


@pytest.mark.parametrize("seed", range(1, 11))
def test_no_promise_is_broken(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 200, 10))
def test_no_promise_is_broken_in_a_hundred_seeds(first: int) -> None:
    for seed in range(first, first + 10):
        check(seed)


def test_a_seed_replays_exactly() -> None:
    assert replay(SEED) == replay(SEED)


def test_another_seed_gives_another_trace() -> None:
    assert run_quietly(SEED).digest != run_quietly(SEED + 1).digest


@pytest.mark.slow
def test_a_seed_replays_exactly_in_another_process() -> None:
    def printed(hash_seed: str) -> str:
        # Python's hashes differ between processes, and must have no effect.
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", str(SEED)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert printed("1") == printed("2")


def test_a_failed_seed_is_printed_with_the_command_that_replays_it() -> None:
    mutant = "offsets outside the transaction"
    result = run_quietly(SEED, mutant)
    *_, last = describe(result, mutant)
    assert last.strip() == f"replay: python -m tests.simulation --seed {SEED} --mutant '{mutant}'"
    assert replay(SEED, mutant).problems == result.problems
