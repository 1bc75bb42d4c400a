"""The simulation finds each deliberate bug within a few seeds."""

from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS
from tests.simulation.results import run_quietly

SEEDS_MAX = 40


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # division by frequencies that were not restored
def test_a_deliberate_bug_is_found(mutant: str) -> None:
    assert any(run_quietly(seed, mutant).problems for seed in range(1, SEEDS_MAX + 1))
