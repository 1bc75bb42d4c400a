"""A migration to other partitions: no record is lost or repeated, and the services continue as on the original."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.story import Story
from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, STORY_UPDATES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.dead_letter_replay import read_dead_letters, replay
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom
from services.cli.__main__ import newsloom as cli
from services.migration.migration import InconsistentTopics, migrate
from services.migration.target import target_settings
from services.verifier.verification import find_violations
from tests.laws.streams import article
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops, in_edition, resolve_commands

TO = "to."


def ignore_progress(line: str) -> None: ...


EDITIONS = ("de", "fr", "it", "es")


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow])])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'news.db'}" if request.param == "sqlite" else request.getfixturevalue("kafka_url")
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model="test", partitions=2, state_partitions=2)


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    with closing(open_log_url(settings.log)) as log:
        yield log


def fill_log(log: Log, settings: Settings) -> ServiceLoops:
    """Write stories in five editions, a waiting dead letter, a replayed one, and an unprocessed article."""
    services = ServiceLoops(log, settings)
    events = resolve_commands(busy_week())
    services.feed([*events, *(one for edition in EDITIONS for one in in_edition(events[:8], edition))])
    services.write(ARTICLES, [b"{"])
    services.drain("embedder", "clusterer")
    topic = f"{settings.topic_prefix}dead-letters"
    replay(log, topic, writer_name=f"{settings.topic_prefix}r", wanted=lambda one: one.record.value == b"{", now_ms=0)
    services.drain("embedder")
    services.feed([article(31, subject=2, hour=480)])
    services.close()
    return services


def process_more(services: ServiceLoops) -> dict[str, Story]:
    """Return the stories after some more articles."""
    more = [article(40 + number, subject=number % 5, hour=481 + number) for number in range(9)]
    services.feed([*more, *in_edition(more, "fr")])
    services.drain("embedder", "clusterer")
    return Newsloom(services.log, topic_prefix=services.settings.topic_prefix).stories()


@pytest.mark.parametrize("partitions", [1, 5])
def test_services_on_the_copy_continue_as_on_the_original(log: Log, settings: Settings, partitions: int) -> None:
    fill_log(log, settings)
    target = target_settings(settings, settings.topic_prefix + TO, state_partitions=partitions)

    result = migrate(log, settings, target, ignore_progress)

    assert result.articles > 20
    old, new = (
        [record.value for record in read_topic(log, topic_name(side, STORY_UPDATES))] for side in (settings, target)
    )
    assert old == new
    partitions_used = {record.partition for record in read_topic(log, topic_name(target, ARTICLE_VECTORS))}
    assert len(partitions_used) == min(partitions, len(partitions_used)) > partitions // 2
    waiting = [
        [letter.replayed for letter in read_dead_letters(log, f"{side.topic_prefix}dead-letters")]
        for side in (settings, target)
    ]
    assert sorted(waiting[0]) == sorted(waiting[1])
    # The stories are the same after more articles, so the clusterers' state and the unprocessed records were the same.
    assert process_more(ServiceLoops(log, settings)) == process_more(ServiceLoops(log, target))
    assert find_violations(log, settings) == find_violations(log, target) == []


def test_a_replay_on_the_copy_sends_to_the_copys_topics(log: Log, settings: Settings) -> None:
    fill_log(log, settings)
    target = target_settings(settings, settings.topic_prefix + TO, state_partitions=3)
    migrate(log, settings, target, ignore_progress)

    sent = replay(
        log,
        f"{target.topic_prefix}dead-letters",
        writer_name=f"{target.topic_prefix}r",
        wanted=lambda _: True,
        now_ms=0,
    )

    assert sent.sent
    assert all(topic.startswith(target.topic_prefix) for topic in sent.sent)
    services = ServiceLoops(log, target)
    services.drain("embedder", "clusterer")
    assert find_violations(log, target) == []


# --- on SQLite only


@pytest.fixture
def log_file(tmp_path: Path) -> LogFile:
    settings = Settings(log=f"sqlite:///{tmp_path / 'news.db'}", model="test", partitions=2, state_partitions=2)
    with closing(open_log_url(settings.log)) as log:
        fill_log(log, settings)
    return LogFile(tmp_path / "news.db", settings)


def migrate_to(log_file: LogFile, prefix: str, partitions: int) -> None:
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(
            log,
            log_file.settings,
            target_settings(log_file.settings, prefix, state_partitions=partitions),
            ignore_progress,
        )


def test_copies_of_topics_truncated_by_retention_are_consistent(log_file: LogFile) -> None:
    for topic in (ARTICLES, ARTICLE_VECTORS, STORY_UPDATES):
        by_partition: dict[int, list[Record]] = {}
        for record in log_file.records(topic):
            by_partition.setdefault(record.partition, []).append(record)
        for records in by_partition.values():
            for record in records[: len(records) // 3]:
                log_file.delete(record)

    migrate_to(log_file, "second.", 3)
    second = LogFile(log_file.file, target_settings(log_file.settings, "second.", state_partitions=3))
    assert second.find_violations() == []
    migrate_to(second, "third.", 2)
    assert (
        LogFile(log_file.file, target_settings(log_file.settings, "third.", state_partitions=2)).find_violations() == []
    )


def test_the_old_topics_are_only_read(log_file: LogFile) -> None:
    before = {topic.name: log_file.records(topic) for topic in TOPICS}
    migrate_to(log_file, TO, 3)
    assert {topic.name: log_file.records(topic) for topic in TOPICS} == before


def test_inconsistent_topics_are_not_copied(log_file: LogFile) -> None:
    record, update = log_file.updates()[0]
    log_file.append(record)
    with pytest.raises(InconsistentTopics, match=rf"violations under news\., the first: .*{update.story_id}"):
        migrate_to(log_file, TO, 3)


def test_a_prefix_in_use_is_refused(log_file: LogFile) -> None:
    migrate_to(log_file, TO, 3)
    with pytest.raises(ConfigurationError, match=r"topic to\.article-stories exists already: choose a prefix"):
        migrate_to(log_file, TO, 3)
    for prefix in (log_file.settings.topic_prefix, "no/such/prefix", "x" * 65):
        with pytest.raises(ConfigurationError, match="--to-prefix"):
            migrate_to(log_file, prefix, 3)


def test_the_command_prints_its_result_and_the_new_settings(log_file: LogFile) -> None:
    arguments = ["migrate", "--to-prefix", TO, "--state-partitions", "3"]
    result = CliRunner(env={"NEWSLOOM_LOG": log_file.settings.log}).invoke(cli, arguments)

    assert result.exit_code == 0, result.output
    assert f"copied  {len(log_file.records(STORY_UPDATES)):>9,}  to.story-updates" in result.output
    assert "are under to., equal to those under news.; both are verified" in result.output
    assert "now set NEWSLOOM_TOPIC_PREFIX=to. NEWSLOOM_STATE_PARTITIONS=3" in result.output
