"""Feeders, copiers and readers on one file, killed, frozen and doubled at random: nothing lost, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fire.blaze import PLAYERS, Blaze, Cast


@pytest.mark.parametrize(
    ("cast", "blows", "seed"),
    [(PLAYERS[1:4], 4, 127), pytest.param(PLAYERS, 60, 2, marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_whatever_dies_what_was_acknowledged_is_there_once(tmp_path: Path, cast: Cast, blows: int, seed: int) -> None:
    blaze = Blaze(f"sqlite:///{tmp_path}/log.db", seed, cast)
    try:
        for _ in range(blows):
            blaze.strike()
        blaze.end()
        blaze.check()
    finally:
        blaze.kill()
    print(dict(blaze.counts), blaze.known.written, dict(blaze.known.copied))
    assert blaze.counts["kill"] > 1
    fenced = [line for line in blaze.known.left if line.startswith("left Fenced: ")]
    assert len(fenced) == len(blaze.known.left) == blaze.counts["twin"] + blaze.counts["zombie"] > 0
    assert sum(blaze.known.written.values()) > blows
