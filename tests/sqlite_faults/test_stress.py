"""Feeders, copiers and readers on one file are killed, stopped and doubled at random; nothing is lost or duplicated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sqlite_faults.stress_run import ROLES, Roles, StressRun


@pytest.mark.parametrize(
    ("roles", "faults", "seed"),
    [(ROLES[1:4], 4, 127), pytest.param(ROLES, 60, 2, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_acknowledged_records_are_there_once_after_any_faults(
    tmp_path: Path, roles: Roles, faults: int, seed: int
) -> None:
    run = StressRun(f"sqlite:///{tmp_path}/log.db", seed, roles)
    try:
        for _ in range(faults):
            run.inject_fault()
        run.end()
        run.check()
    finally:
        run.kill()
    print(dict(run.counts), run.observations.written, dict(run.observations.copied))
    assert run.counts["kill"] > 1
    fenced = [line for line in run.observations.exits if line.startswith("exit Fenced: ")]
    assert len(fenced) == len(run.observations.exits) == run.counts["twin"] + run.counts["zombie"] > 0
    assert sum(run.observations.written.values()) > faults
