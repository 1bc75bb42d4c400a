"""Warn of editions whose time a wrong clock has moved."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from newsloom.contracts.limits import RECORD_YEAR_MIN
from services.verifier.current_state import CurrentState
from services.verifier.findings import Findings

AHEAD_MAX: Final = timedelta(days=1)
"""Articles of one day may arrive in any order."""


def check_clocks(state: CurrentState, findings: Findings) -> None:
    """Warn of editions whose time is ahead of their latest article by more than a day: the clock of a producer was wrong."""
    for edition, (_, checkpoint, *_) in state.checkpoints.items():
        if checkpoint.clock is None or not checkpoint.clock.arrivals:
            continue
        latest = checkpoint.clock.arrivals[-1]
        ahead = max(checkpoint.watermark, checkpoint.clock.arrived_at) - latest
        if ahead > AHEAD_MAX and latest.year >= RECORD_YEAR_MIN:
            findings.warnings.append(
                f"the time of edition {edition} is {ahead.days} days ahead of its latest article: the clock of a producer was "
                "wrong. It goes back by itself after 16 articles in a row that arrive under a right clock"
            )
