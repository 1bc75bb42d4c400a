"""Two generations side by side: what is written to the old topics reaches the new ones, once and in order."""

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
from tests.unit.migration.crashing_log import DyingLog, Fate, Interrupted
from tests.unit.migration.models import NEW, OLD, encoder_of, newsroom_of, some_days, take_in, text_article
from tests.unit.verifier.service_loops import ServiceLoops

FURTHER = [text_article(40 + n, subject=4 + n % 3, hour=24 * 12 + 10 + n) for n in range(6)]


on_both_logs = pytest.mark.parametrize(
    "given", ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow])], indirect=True
)


@pytest.fixture
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    on_kafka = getattr(request, "param", "sqlite") == "kafka"
    url = request.getfixturevalue("kafka_url") if on_kafka else f"sqlite:///{tmp_path / 'news.db'}"
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model=OLD[0], partitions=2, state_partitions=2)


@pytest.fixture
def log(given: Settings) -> Iterator[Log]:
    with closing(open_log_url(given.log)) as log:
        yield log


@pytest.fixture
def target(log: Log, given: Settings) -> Settings:
    """The new generation, migrated to while one article was not taken in yet."""
    newsroom = newsroom_of(log, given, OLD)
    take_in(newsroom, some_days())
    newsroom.write(ARTICLES, [encode(FURTHER[0])])
    newsroom.close()
    target = target_settings(given, f"{given.topic_prefix}to.", model=NEW[0])
    migrate(log, given, target, lambda _: None, Reembedder(encoder_of(NEW)))
    return target


def followed(log: Log, given: Settings, target: Settings) -> int:
    return follow(log, given, target, stop=threading.Event(), until_drained=True)


def content(log: Log, side: Settings) -> list[tuple[object, ...]]:
    """What has come from outside."""
    records = [one for topic in (ARTICLES, STORY_COMMANDS) for one in read_topic(log, topic_name(side, topic))]
    return [_told(record, side) for record in records]


def _told(record: Record, side: Settings) -> tuple[object, ...]:
    topic = record.topic.removeprefix(side.topic_prefix)
    return topic, record.partition, record.key, record.value, record.headers, record.timestamp_ms


@on_both_logs
def test_what_comes_after_the_cut_reaches_both(log: Log, given: Settings, target: Settings) -> None:
    assert followed(log, given, target) == 0, "the migration has copied all there was"
    old = newsroom_of(log, given, OLD)
    take_in(old, FURTHER[1:])
    old.close()

    assert followed(log, given, target) == len(FURTHER) - 1
    assert followed(log, given, target) == 0

    assert content(log, target) == content(log, given)
    new = newsroom_of(log, target, NEW)
    new.drain("embedder", "clusterer")
    assert find_violations(log, given) == find_violations(log, target) == []
    both = [Newsloom(log, topic_prefix=side.topic_prefix) for side in (given, target)]
    assert set(both[0].memberships()) == set(both[1].memberships())


def test_published_history_up_to_the_cut_is_the_same_on_both_sides(log: Log, given: Settings, target: Settings) -> None:
    at_the_cut = Newsloom(log, topic_prefix=given.topic_prefix).stories()
    newsrooms: list[ServiceLoops] = []
    for side, model in ((given, OLD), (target, NEW)):
        newsrooms.append(newsroom_of(log, side, model))
        take_in(newsrooms[-1], FURTHER[1:])
        after = Newsloom(log, topic_prefix=side.topic_prefix).stories()
        for story_id, story in at_the_cut.items():
            assert after[story_id].version >= story.version
            assert after[story_id].history[: len(story.history)] == story.history
        assert any(story.state is StoryState.OPEN for story in after.values())


def test_nothing_is_passed_on_where_nothing_was_copied(log: Log, given: Settings, target: Settings) -> None:
    elsewhere = target_settings(given, "elsewhere.")
    with pytest.raises(
        ConfigurationError, match=r"cannot forward from .* to elsewhere\.: the offset .*Migrate to a prefix first"
    ):
        followed(log, given, elsewhere)
    assert content(log, target) == content(log, given)


@on_both_logs
@pytest.mark.parametrize("after", [False, True])
def test_killed_in_the_middle_it_passes_nothing_on_twice(
    log: Log, given: Settings, target: Settings, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.migration.follower.RECORDS_MAX", 2)
    newsroom_of(log, given, OLD).write(ARTICLES, [encode(one) for one in FURTHER[1:]])

    for deaths in range(2):
        with pytest.raises(Interrupted):
            followed(DyingLog(log, Fate(deaths, after=after)), given, target)
    followed(log, given, target)

    assert content(log, target) == content(log, given)


def test_the_command_follows_until_drained(log: Log, given: Settings, target: Settings) -> None:
    newsroom_of(log, given, OLD).write(ARTICLES, [encode(one) for one in FURTHER[1:]])
    environment = {"NEWSLOOM_LOG": given.log, "NEWSLOOM_TOPIC_PREFIX": given.topic_prefix}
    arguments = ["migrate", "--to-prefix", target.topic_prefix, "--follow", "--until-drained"]

    result = CliRunner(env=environment).invoke(cli, arguments)

    assert result.exit_code == 0, result.output
    assert f"forwarded 5 records to {target.topic_prefix}" in result.output
    assert content(log, target) == content(log, given)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--follow", "--model", "m"],
        ["--from-titles", "--state-partitions", "2"],
        ["--until-drained", "--state-partitions", "2"],
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, ["migrate", "--to-prefix", "to.", *arguments])
    assert result.exit_code == 2
    assert "give --state-partitions, --model" in result.output
