"""A clusterer that is killed during a restore leaves no trace; unusable state ends it with one line and a status."""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.pipeline import EVENT_TYPE
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLE_VECTORS, STORIES
from newsloom.contracts.vector import ArticleVector
from newsloom.log_names import topic_name
from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from tests.acceptance.installation import Installation
from tests.failure_lines import failure
from tests.kafka.broker import wait_until
from tests.laws.streams import article

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODEL = {"NEWSLOOM_MODEL": "test"}
KILLS = 4
COUNT = 150


def vectors(first: int) -> list[Message]:
    made = [
        article(number, subject=number % 7, wobble=number % 5, hour=number / 10)
        for number in range(first, first + COUNT)
    ]
    return [_message(vector) for vector in made]


def _message(vector: ArticleVector) -> Message:
    return Message("", vector.edition.encode(), encode(vector))


def test_a_clusterer_killed_during_a_restore_restores_again(installation: Installation) -> None:
    installation.command("topics", "create")
    installation.write(ARTICLE_VECTORS, vectors(0))
    installation.run("clusterer", **MODEL)
    before = installation.published()

    for _ in range(KILLS):
        service = installation.start("clusterer", **MODEL)
        wait_until(partial(service.has_logged, "restore.started"), 120, "the restore to begin")
        assert service.end(signal.SIGKILL).status == -signal.SIGKILL
    assert installation.published() == before

    installation.write(ARTICLE_VECTORS, vectors(COUNT))
    installation.run("clusterer", **MODEL)

    assert len(installation.published().memberships) == 2 * COUNT
    assert installation.find_clustering_violations() == []


def test_state_of_a_newer_schema_ends_it_with_one_line_and_status_78(installation: Installation) -> None:
    installation.command("topics", "create")
    installation.write(ARTICLE_VECTORS, vectors(0)[:5])
    installation.run("clusterer", **MODEL)
    with closing(installation.open()) as log:
        record = next(iter(read_topic(log, topic_name(installation.settings, ARTICLE_STORIES))))
    newer = replace(
        record,
        headers=tuple(
            (name, b"newsloom.membership.v2" if name == EVENT_TYPE else value) for name, value in record.headers
        ),
    )
    installation.write(ARTICLE_STORIES, [Message("", newer.key, newer.value, newer.headers)])
    ended = installation.start("clusterer", **MODEL).wait(120)

    assert ended.status == EXIT_CONFIGURATION
    line = failure(ended.stderr)
    assert line.startswith("a state record (")
    assert "has type newsloom.membership.v2" in line


def test_a_damaged_record_ends_it_with_one_line_that_names_it_and_status_78(installation: Installation) -> None:
    installation.command("topics", "create")
    installation.write(ARTICLE_VECTORS, vectors(0)[:5])
    installation.run("clusterer", **MODEL)
    name = topic_name(installation.settings, STORIES)
    with closing(installation.open()) as log:
        record = next(iter(read_topic(log, name)))
    installation.write(STORIES, [Message("", record.key, (record.value or b"")[:-1], record.headers)])
    with closing(installation.open()) as log:
        damaged = list(read_topic(log, name))[-1]
    installation.write(ARTICLE_VECTORS, vectors(COUNT)[:5])
    with closing(installation.open()) as log:
        waiting = installation.backlog(log, "clusterer")

    ended = installation.start("clusterer", **MODEL).wait(120)

    assert ended.status == EXIT_CONFIGURATION
    line = failure(ended.stderr)
    assert line.startswith(f"a state record cannot be read ({name}, partition 0, offset {damaged.offset}): not JSON")
    with closing(installation.open()) as log:
        assert installation.backlog(log, "clusterer") == waiting >= 5, "records were processed"
        assert list(read_topic(log, name))[-1] == damaged, "records were written"
