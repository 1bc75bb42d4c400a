"""Copies that leave or change cost the same however many there are, and the counts stay right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsloom.settings import Settings
from newsloom.streaming.sqlite import open_sqlite
from tests.accidents.clusterer_run import MODEL, ClustererRun
from tests.accidents.copies import ORDERS, correct, withdraw_all

COPIES = 1_000
WRITTEN_KB_MAX = 1.0
"""An update, a tombstone, and shares of the story's and the edition's state."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ClustererRun]:
    log = open_sqlite(f"sqlite:///{tmp_path}/news.db")
    yield ClustererRun(log, Settings(log="sqlite://", model=MODEL), lambda: 0)
    log.close()


@pytest.mark.parametrize("order", ORDERS)
def test_copies_that_are_withdrawn_cost_two_records_each(run: ClustererRun, order: str) -> None:
    _, cost = withdraw_all(run, COPIES, order)
    assert cost.records <= 2.1 * cost.events
    assert cost.written_bytes <= 1_000 * WRITTEN_KB_MAX * cost.events
    assert run.dead_letters() == 0
    assert run.find_violations() == []


def test_copies_that_are_corrected_cost_three_records_each_at_most(run: ClustererRun) -> None:
    _, cost = correct(run, COPIES, COPIES // 4)
    assert cost.records <= 3.1 * cost.events
    assert run.dead_letters() == 0
    assert run.find_violations() == []
