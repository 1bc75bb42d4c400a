"""Producers that name many editions: memory follows the articles, and beyond a number articles become dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsloom.contracts.topics import DEAD_LETTERS
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.scan import read_topic
from newsloom.streaming.sqlite import open_sqlite
from services.clusterer.editions import AWAKE_MAX
from tests.accidents.clusterer_run import MODEL, ClustererRun
from tests.accidents.editions import one_article_editions, retractions


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = open_sqlite(f"sqlite:///{tmp_path}/news.db")
    yield log
    log.close()


def test_more_editions_than_are_awake_are_processed_restored_and_emptied(log: Log) -> None:
    count, settings = AWAKE_MAX + 500, Settings(log="sqlite://", model=MODEL)
    ClustererRun(log, settings, lambda: 0).send(one_article_editions(count))
    restarted = ClustererRun(log, settings, lambda: 0)
    restarted.send(retractions(count))
    assert restarted.dead_letters() == 0
    assert restarted.find_violations() == []


def test_an_article_of_an_edition_beyond_the_number_is_a_dead_letter(log: Log) -> None:
    settings = Settings(log="sqlite://", model=MODEL, editions_max=3)
    run = ClustererRun(log, settings, lambda: 0)
    run.send(one_article_editions(5))
    run.send(retractions(4))
    letters = list(read_topic(log, topic_name(settings, DEAD_LETTERS)))
    assert [letter.header("dead-letter-reason") for letter in letters] == [
        f"edition 'edition-{number}' is new, and this partition has 3 editions: correct the edition, or raise "
        "NEWSLOOM_EDITIONS_MAX - at `$.edition`"
        for number in (3, 4)
    ]
