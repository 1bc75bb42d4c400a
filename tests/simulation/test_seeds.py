"""Seed after seed, whatever befalls: no promise is broken, and in the end all is as if nothing had happened."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.report import replay, run_quietly, told
from tests.simulation.simulation import FAULTS_MIN

SEED = 7


def check(seed: int) -> None:
    outcome = run_quietly(seed)
    assert not outcome.problems, "\n".join([*outcome.trace, *told(outcome)])
    assert outcome.faults.total() >= FAULTS_MIN


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


def test_another_seed_is_another_story() -> None:
    assert run_quietly(SEED).digest != run_quietly(SEED + 1).digest


@pytest.mark.slow
def test_a_seed_replays_exactly_in_another_process() -> None:
    def printed(hash_seed: str) -> str:
        # Python's own hashes differ in each process unless they are told not to: they must not matter.
        return subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", str(SEED)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    assert printed("1") == printed("2")


def test_what_fails_is_printed_with_the_command_that_replays_it() -> None:
    mutant = "offsets outside the transaction"
    outcome = run_quietly(SEED, mutant)
    *_, last = told(outcome, mutant)
    assert last.strip() == f"replay: python -m tests.simulation --seed {SEED} --mutant '{mutant}'"
    assert replay(SEED, mutant).problems == outcome.problems
