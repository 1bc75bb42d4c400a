"""Whatever happens to the story page and to those that write its topics, its rows are those of an undisturbed one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from newsloom.streaming.records import Record
from services.storypage.read_model import model
from services.storypage.read_model.model import PublishedUpdate, ReadModel
from tests.simulation.patch import patch_attributes
from tests.simulation.results import describe
from tests.simulation.simulation import SeedResult
from tests.simulation.story_page import StoryPageSimulation

ROWS_MIN = 100
SEEDS_MAX = 10


def run(seed: int, folder: Path) -> SeedResult:
    return StoryPageSimulation(seed, folder).run()


def check(seed: int, folder: Path) -> None:
    result = run(seed, folder)
    assert not result.problems, "\n".join([*result.trace, *describe(result)])
    assert result.effects["rows of the page"] > ROWS_MIN


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_rows_are_those_of_a_page_made_at_once(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 7))
def test_the_rows_are_those_of_a_page_made_at_once_in_more_seeds(seed: int, tmp_path: Path) -> None:
    check(seed, tmp_path)


def test_offsets_that_are_committed_before_their_rows_are_found(tmp_path: Path) -> None:
    apply = ReadModel.apply

    def apply_in_two_transactions(self: ReadModel, records: Sequence[Record]) -> list[PublishedUpdate]:
        with self._sql:
            self._sql.execute("BEGIN IMMEDIATE")
            for record in records:
                self._sql.execute(model._POSITION, (record.topic, record.partition, record.offset + 1))
        return apply(self, records)

    with patch_attributes((ReadModel, "apply", apply_in_two_transactions)):
        assert any(run(seed, tmp_path).problems for seed in range(1, SEEDS_MAX))
