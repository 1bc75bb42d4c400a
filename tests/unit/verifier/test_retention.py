"""Topics that have forgotten: what can be checked is, and what cannot is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, STORY_UPDATES, TopicDefinition
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from services.verifier.verification import Verification, verify_topics
from tests.unit.verifier.desk import Desk
from tests.unit.verifier.newsroom import Newsroom, in_edition, resolved
from tests.unit.verifier.weeks import a_busy_week


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    file = tmp_path_factory.mktemp("whole") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=2)
    log = open_log_url(given.log)
    newsroom = Newsroom(log, given)
    events = resolved(a_busy_week())
    newsroom.take_in([*events, *in_edition(events, "de")])
    newsroom.drain("embedder", "clusterer")
    log.close()
    return Desk(file, given)


@pytest.fixture
def desk(whole: Desk, tmp_path: Path) -> Desk:
    return whole.copied(tmp_path / "news.db")


def forget(desk: Desk, topic: TopicDefinition, share: float) -> None:
    """The first records of each partition go, as retention has it."""
    of_partition: dict[int, list[Record]] = {}
    for record in desk.records(topic):
        of_partition.setdefault(record.partition, []).append(record)
    for records in of_partition.values():
        for record in records[: int(share * len(records))]:
            desk.delete(record)


def verification(desk: Desk) -> Verification:
    log = open_log_url(desk.settings.log)
    try:
        return verify_topics(log, desk.settings)
    finally:
        log.close()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize(
    "topics",
    [
        [ARTICLES],
        [ARTICLE_VECTORS],
        [STORY_UPDATES],
        [ARTICLES, ARTICLE_VECTORS],
        [ARTICLES, ARTICLE_VECTORS, STORY_UPDATES],
    ],
)
def test_what_retention_has_taken_is_no_violation(desk: Desk, topics: Sequence[TopicDefinition], share: float) -> None:
    for topic in topics:
        forget(desk, topic, share)

    findings = verification(desk).findings

    assert list(findings.violation_lines()) == []
    for topic in topics:
        assert any(f"news.{topic.name}/" in line for line in findings.unchecked)


def test_what_is_left_is_still_checked(desk: Desk) -> None:
    for topic in (ARTICLES, ARTICLE_VECTORS, STORY_UPDATES):
        forget(desk, topic, 0.3)
    record, update = desk.updates()[-1]
    desk.append(record)

    found = desk.problems()

    assert any(problem.startswith(f"versions: {update.story_id} version {update.version}") for problem in found)
