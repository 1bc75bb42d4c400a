"""Stories of unusual size and number: an event costs the same in the second half, and the counts stay right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsloom.settings import Settings
from newsloom.streaming.sqlite import open_sqlite
from tests.accidents.clusterer_run import MODEL, ClustererRun, Cost
from tests.accidents.stories import large_story, many_outlets, merges, open_stories


@pytest.fixture
def run(tmp_path: Path) -> Iterator[ClustererRun]:
    log = open_sqlite(f"sqlite:///{tmp_path}/news.db")
    yield ClustererRun(log, Settings(log="sqlite://", model=MODEL), lambda: 0)
    log.close()


@pytest.mark.parametrize(("accident", "stories"), [(large_story, 1), (many_outlets, 1), (open_stories, 600)])
def test_an_article_writes_no_more_records_as_they_become_many(
    run: ClustererRun, accident: Callable[[ClustererRun, int], tuple[Cost, Cost]], stories: int
) -> None:
    first, second = accident(run, 600)
    assert second.records <= first.records
    assert second.records_max <= 3 * 200 + 2, "an update, a membership and a story each, and the checkpoint"
    assert len(run.story_ids()) == stories
    assert run.dead_letters() == 0
    assert run.find_violations() == []


def test_merges_into_one_story_write_records_of_both_sides(run: ClustererRun) -> None:
    founded, merged = merges(run, 60)
    assert founded.records >= 61
    assert merged.records <= 60 * 61 + 3 * 60, "a merge by command places each article of both stories"
    assert run.dead_letters() == 0
    assert run.find_violations() == []
