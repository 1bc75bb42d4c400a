"""Two generations side by side: records of the old topics are forwarded to the new ones, once and in order."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsloom.contracts.codec import encode
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import ARTICLES, STORY_COMMANDS
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom
from services.cli.__main__ import newsloom as cli
from services.migration.follower import follow
from services.migration.migration import migrate
from services.migration.reembedder import Reembedder
from services.migration.target import target_settings
from services.verifier.verification import find_violations
from tests.unit.migration.crashing_log import Crash, CrashingLog, CrashPoint
from tests.unit.migration.models import NEW, OLD, encoder_for, process_articles, services_with, some_days, text_article
from tests.unit.verifier.service_loops import ServiceLoops

LATER = [text_article(40 + n, subject=4 + n % 3, hour=24 * 12 + 10 + n) for n in range(6)]


on_both_logs = pytest.mark.parametrize(
    "settings", ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow])], indirect=True
)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    on_kafka = getattr(request, "param", "sqlite") == "kafka"
    url = request.getfixturevalue("kafka_url") if on_kafka else f"sqlite:///{tmp_path / 'news.db'}"
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model=OLD[0], partitions=2, state_partitions=2)


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    with closing(open_log_url(settings.log)) as log:
        yield log


@pytest.fixture
def target(log: Log, settings: Settings) -> Settings:
    """The settings of the new generation, migrated while one article was not processed yet."""
    services = services_with(log, settings, OLD)
    process_articles(services, some_days())
    services.write(ARTICLES, [encode(LATER[0])])
    services.close()
    target = target_settings(settings, f"{settings.topic_prefix}to.", model=NEW[0])
    migrate(log, settings, target, lambda _: None, Reembedder(encoder_for(NEW)))
    return target


def follow_until_drained(log: Log, settings: Settings, target: Settings) -> int:
    return follow(log, settings, target, stop=threading.Event(), until_drained=True)


def content(log: Log, side: Settings) -> list[tuple[object, ...]]:
    """Return the records that producers and operators have written."""
    records = [one for topic in (ARTICLES, STORY_COMMANDS) for one in read_topic(log, topic_name(side, topic))]
    return [_fields(record, side) for record in records]


def _fields(record: Record, side: Settings) -> tuple[object, ...]:
    topic = record.topic.removeprefix(side.topic_prefix)
    return topic, record.partition, record.key, record.value, record.headers, record.timestamp_ms


@on_both_logs
def test_records_after_the_migration_reach_both_generations(log: Log, settings: Settings, target: Settings) -> None:
    assert follow_until_drained(log, settings, target) == 0, "the migration has copied every record"
    old = services_with(log, settings, OLD)
    process_articles(old, LATER[1:])
    old.close()

    assert follow_until_drained(log, settings, target) == len(LATER) - 1
    assert follow_until_drained(log, settings, target) == 0

    assert content(log, target) == content(log, settings)
    new = services_with(log, target, NEW)
    new.drain("embedder", "clusterer")
    assert find_violations(log, settings) == find_violations(log, target) == []
    both = [Newsloom(log, topic_prefix=side.topic_prefix) for side in (settings, target)]
    assert set(both[0].memberships()) == set(both[1].memberships())


def test_both_generations_keep_the_history_published_before_the_migration(
    log: Log, settings: Settings, target: Settings
) -> None:
    at_migration = Newsloom(log, topic_prefix=settings.topic_prefix).stories()
    generations: list[ServiceLoops] = []
    for side, model in ((settings, OLD), (target, NEW)):
        generations.append(services_with(log, side, model))
        process_articles(generations[-1], LATER[1:])
        after = Newsloom(log, topic_prefix=side.topic_prefix).stories()
        for story_id, story in at_migration.items():
            assert after[story_id].version >= story.version
            assert after[story_id].history[: len(story.history)] == story.history
        assert any(story.state is StoryState.OPEN for story in after.values())


def test_following_without_a_migration_is_refused(log: Log, settings: Settings, target: Settings) -> None:
    elsewhere = target_settings(settings, "elsewhere.")
    with pytest.raises(
        ConfigurationError, match=r"cannot forward from .* to elsewhere\.: the offset .*Migrate to a prefix first"
    ):
        follow_until_drained(log, settings, elsewhere)
    assert content(log, target) == content(log, settings)


@on_both_logs
@pytest.mark.parametrize("after", [False, True])
def test_after_crashes_each_record_is_forwarded_once(
    log: Log, settings: Settings, target: Settings, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.migration.follower.RECORDS_MAX", 2)
    services_with(log, settings, OLD).write(ARTICLES, [encode(one) for one in LATER[1:]])

    for crash_at in range(2):
        with pytest.raises(Crash):
            follow_until_drained(CrashingLog(log, CrashPoint(crash_at, after=after)), settings, target)
    follow_until_drained(log, settings, target)

    assert content(log, target) == content(log, settings)


def test_the_command_follows_until_drained(log: Log, settings: Settings, target: Settings) -> None:
    services_with(log, settings, OLD).write(ARTICLES, [encode(one) for one in LATER[1:]])
    environment = {"NEWSLOOM_LOG": settings.log, "NEWSLOOM_TOPIC_PREFIX": settings.topic_prefix}
    arguments = ["migrate", "--to-prefix", target.topic_prefix, "--follow", "--until-drained"]

    result = CliRunner(env=environment).invoke(cli, arguments)

    assert result.exit_code == 0, result.output
    assert f"forwarded 5 records to {target.topic_prefix}" in result.output
    assert content(log, target) == content(log, settings)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--follow", "--model", "m"],
        ["--from-titles", "--state-partitions", "2"],
        ["--until-drained", "--state-partitions", "2"],
    ],
)
def test_incompatible_options_are_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["migrate", "--to-prefix", "to.", *arguments])
    assert result.exit_code == 2
    assert "give --state-partitions, --model" in result.output
