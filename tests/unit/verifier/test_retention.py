"""Topics truncated by retention: what is left is checked, and what cannot be checked is listed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, STORY_UPDATES, TopicDefinition
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from services.verifier.verification import Verification, verify_topics
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops, in_edition, resolve_commands


@pytest.fixture(scope="module")
def untruncated_log(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    file = tmp_path_factory.mktemp("untruncated") / "news.db"
    settings = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=2)
    log = open_log_url(settings.log)
    loops = ServiceLoops(log, settings)
    events = resolve_commands(busy_week())
    loops.feed([*events, *in_edition(events, "de")])
    loops.drain("embedder", "clusterer")
    log.close()
    return LogFile(file, settings)


@pytest.fixture
def log_file(untruncated_log: LogFile, tmp_path: Path) -> LogFile:
    return untruncated_log.copy_to(tmp_path / "news.db")


def delete_first(log_file: LogFile, topic: TopicDefinition, share: float) -> None:
    """Delete the first records of each partition, as retention does."""
    records_of: dict[int, list[Record]] = {}
    for record in log_file.records(topic):
        records_of.setdefault(record.partition, []).append(record)
    for records in records_of.values():
        for record in records[: int(share * len(records))]:
            log_file.delete(record)


def verification(log_file: LogFile) -> Verification:
    log = open_log_url(log_file.settings.log)
    try:
        return verify_topics(log, log_file.settings)
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
def test_records_deleted_by_retention_are_no_violation(
    log_file: LogFile, topics: Sequence[TopicDefinition], share: float
) -> None:
    for topic in topics:
        delete_first(log_file, topic, share)

    findings = verification(log_file).findings

    assert list(findings.violation_lines()) == []
    for topic in topics:
        assert any(f"news.{topic.name}/" in line for line in findings.unchecked)


def test_the_remaining_records_are_checked(log_file: LogFile) -> None:
    for topic in (ARTICLES, ARTICLE_VECTORS, STORY_UPDATES):
        delete_first(log_file, topic, 0.3)
    record, update = log_file.updates()[-1]
    log_file.append(record)

    found = log_file.find_violations()

    assert any(violation.startswith(f"versions: {update.story_id} version {update.version}") for violation in found)
