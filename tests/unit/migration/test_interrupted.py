"""A migration that is interrupted at any write continues when it is run again, with the same result."""

from __future__ import annotations

import uuid
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.topics import ARTICLES, STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom
from services.migration.migration import migrate
from services.migration.reembedder import Reembedder
from services.migration.target import target_settings
from services.verifier.verification import find_violations
from tests.unit.migration.crashing_log import Crash, CrashingLog, CrashPoint
from tests.unit.migration.models import NEW, OLD, encoder_for, process_articles, services_with, some_days, text_article
from tests.unit.migration.test_migration import fill_log
from tests.unit.verifier.log_file import LogFile

TO = "to."


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make more writes, so that there are more points at which to crash."""
    monkeypatch.setattr("newsloom.streaming.batching.BATCH_RECORDS_MAX", 20)
    monkeypatch.setattr("services.migration.reembedder.BATCH_ARTICLES", 4)


@pytest.fixture(scope="module")
def log_for_partitions(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    """Five editions, dead letters, replayed ones, and unprocessed articles; for a migration to more partitions."""
    file = tmp_path_factory.mktemp("log_for_partitions") / "news.db"
    settings = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=2)
    with closing(open_log_url(settings.log)) as log:
        fill_log(log, settings)
    return LogFile(file, settings)


@pytest.fixture(scope="module")
def log_for_model(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    """Articles with texts, for a migration to another model."""
    file = tmp_path_factory.mktemp("log_for_model") / "news.db"
    settings = Settings(log=f"sqlite:///{file}", model=OLD[0], partitions=2, state_partitions=2)
    with closing(open_log_url(settings.log)) as log:
        services = services_with(log, settings, OLD)
        process_articles(services, [*some_days(), *some_days("de")])
        services.close()
    return LogFile(file, settings)


def ignore_progress(line: str) -> None: ...


def to_more_partitions(log_file: LogFile, crash_point: CrashPoint) -> None:
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(
            CrashingLog(log, crash_point),
            log_file.settings,
            target_settings(log_file.settings, TO, state_partitions=3),
            ignore_progress,
        )


def to_another_model(log_file: LogFile, crash_point: CrashPoint) -> None:
    target = target_settings(log_file.settings, TO, state_partitions=3, model=NEW[0])
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(CrashingLog(log, crash_point), log_file.settings, target, ignore_progress, Reembedder(encoder_for(NEW)))


def content(log_file: LogFile) -> dict[str, list[Record]]:
    """Return the records under the new prefix; of compacted topics the latest of each key, regardless of its offset."""
    copied = LogFile(log_file.file, msgspec.structs.replace(log_file.settings, topic_prefix=TO, state_partitions=3))
    assert copied.find_violations() == []
    found = {topic.name: copied.records(topic) for topic in TOPICS}
    for topic in TOPICS:
        if topic.compacted:
            latest = {record.key: replace(record, offset=0) for record in found[topic.name]}
            found[topic.name] = [latest[key] for key in sorted(latest, key=repr)]
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after a write"])
@pytest.mark.parametrize("kind", ["partitions", "model"])
def test_an_interrupted_migration_gives_the_same_copy_as_an_uninterrupted_one(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, after: bool
) -> None:
    """The first run crashes at its first write, the next one at its second, and so on up to the fourth, then again."""
    original: LogFile = request.getfixturevalue("log_for_partitions" if kind == "partitions" else "log_for_model")
    run = to_more_partitions if kind == "partitions" else to_another_model
    uninterrupted, log_file = original.copy_to(tmp_path / "uninterrupted.db"), original.copy_to(tmp_path / "news.db")
    no_crash = CrashPoint(None, after=False)
    run(uninterrupted, no_crash)

    crashes = 0
    while True:
        try:
            run(log_file, CrashPoint(crashes % 4, after=after))
            break
        except Crash:
            crashes += 1
        except ConfigurationError as error:
            # It crashed after its last write.
            if not str(error).startswith("this migration is finished"):
                raise
            break

    assert crashes > 8
    assert no_crash.writes >= 20
    assert content(log_file) == content(uninterrupted)


def test_a_migration_does_not_continue_after_the_old_topics_have_changed(
    log_for_model: LogFile, tmp_path: Path
) -> None:
    log_file = log_for_model.copy_to(tmp_path / "news.db")
    with pytest.raises(Crash):
        to_another_model(log_file, CrashPoint(5, after=True))
    with closing(open_log_url(log_file.settings.log)) as log:
        services = services_with(log, log_file.settings, OLD)
        process_articles(services, [text_article(60, subject=1, hour=24 * 13)])
        services.close()

    with pytest.raises(ConfigurationError, match=r"an earlier migration to to\. was interrupted and cannot continue"):
        to_another_model(log_file, CrashPoint(None, after=False))


def test_a_finished_migration_is_not_repeated(log_for_model: LogFile, tmp_path: Path) -> None:
    log_file = log_for_model.copy_to(tmp_path / "news.db")
    to_another_model(log_file, CrashPoint(None, after=False))
    with pytest.raises(ConfigurationError, match=r"this migration is finished; topic to\.article-stories exists"):
        to_another_model(log_file, CrashPoint(None, after=False))


def test_empty_target_topics_are_used(log_for_model: LogFile, tmp_path: Path) -> None:
    """The migration crashed after creating the topics, before the first record."""
    log_file = log_for_model.copy_to(tmp_path / "news.db")
    with pytest.raises(Crash):
        to_another_model(log_file, CrashPoint(0, after=False))
    assert LogFile(log_file.file, target_settings(log_file.settings, TO)).records(ARTICLES) == []

    to_another_model(log_file, CrashPoint(None, after=False))

    assert len(content(log_file)[STORY_UPDATES.name]) == len(log_file.records(STORY_UPDATES))


@pytest.mark.slow
@pytest.mark.kafka
def test_an_interrupted_migration_continues_on_kafka(kafka_url: str) -> None:
    """On Kafka, offsets have gaps, and a crash may leave a transaction open."""
    settings = Settings(
        log=kafka_url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model=OLD[0], partitions=2, state_partitions=2
    )
    target = target_settings(settings, f"{settings.topic_prefix}to.", state_partitions=3, model=NEW[0])
    with closing(open_log_url(kafka_url)) as log:
        services = services_with(log, settings, OLD)
        process_articles(services, [*some_days(), *some_days("de")])
        services.write(ARTICLES, [encode(text_article(60, subject=1, hour=24 * 13))])
        services.close()

    for crash_at in (1, 4, 7, 2):
        crash_point = CrashPoint(crash_at, after=crash_at % 2 == 0)
        with closing(open_log_url(kafka_url)) as log, pytest.raises(Crash):
            migrate(CrashingLog(log, crash_point), settings, target, ignore_progress, Reembedder(encoder_for(NEW)))
    with closing(open_log_url(kafka_url)) as log:
        migrate(log, settings, target, ignore_progress, Reembedder(encoder_for(NEW)))

        for topic in TOPICS:
            if not topic.compacted:
                old, new = (list(read_topic(log, topic_name(side, topic))) for side in (settings, target))
                assert sorted(map(_content, old)) == sorted(map(_content, new))
        old_stories, new_stories = (
            Newsloom(log, topic_prefix=side.topic_prefix).stories() for side in (settings, target)
        )
        assert old_stories == new_stories
        services = services_with(log, target, NEW)
        services.drain("embedder", "clusterer")
        services.close()
        assert find_violations(log, target) == []


def _content(record: Record) -> tuple[bytes, bytes]:
    return record.key or b"", record.value or b""
