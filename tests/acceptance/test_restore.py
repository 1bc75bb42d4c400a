"""A clusterer killed while it restores leaves no trace; a state that cannot be used ends it with one line and a status."""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.events import EVENT_TYPE
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLE_VECTORS
from newsloom.contracts.vector import ArticleVector
from newsloom.service import EXIT_CONFIGURATION
from newsloom.streaming.records import Message
from newsloom.streaming.scan import read_topic
from newsloom.topology import topic_name
from tests.acceptance.installation import Installation
from tests.kafka.broker import wait_until
from tests.laws.streams import article

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODEL = {"NEWSLOOM_MODEL": "test"}
KILLS = 4
EVERY = 150


def vectors(first: int) -> list[Message]:
    made = [
        article(number, subject=number % 7, wobble=number % 5, hour=number / 10)
        for number in range(first, first + EVERY)
    ]
    return [_message(vector) for vector in made]


def _message(vector: ArticleVector) -> Message:
    return Message("", vector.edition.encode(), encode(vector))


def test_killed_in_the_middle_of_a_restore_it_restores_again(installation: Installation) -> None:
    installation.command("topics", "create")
    installation.write(ARTICLE_VECTORS, vectors(0))
    installation.run("clusterer", **MODEL)
    before = installation.published()

    for _ in range(KILLS):
        service = installation.start("clusterer", **MODEL)
        wait_until(partial(service.has_said, "restore.started"), 120, "the restore to begin")
        assert service.end(signal.SIGKILL).status == -signal.SIGKILL
    assert installation.published() == before

    installation.write(ARTICLE_VECTORS, vectors(EVERY))
    installation.run("clusterer", **MODEL)

    assert len(installation.published().memberships) == 2 * EVERY
    assert installation.clustering_problems() == []


def test_a_state_of_a_newer_schema_ends_it_with_a_line_and_78(installation: Installation) -> None:
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
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("newsloom clusterer: a state record (")
    assert "is of type newsloom.membership.v2" in line
