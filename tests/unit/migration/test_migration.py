"""The same stories under another prefix: nothing lost, nothing twice, and the services go on as if nothing had happened."""

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


def untold(line: str) -> None: ...


EDITIONS = ("de", "fr", "it", "es")


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow])])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'news.db'}" if request.param == "sqlite" else request.getfixturevalue("kafka_url")
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model="test", partitions=2, state_partitions=2)


@pytest.fixture
def log(given: Settings) -> Iterator[Log]:
    with closing(open_log_url(given.log)) as log:
        yield log


def busy(log: Log, given: Settings) -> ServiceLoops:
    """Stories in five editions, a letter that waits, one that was replayed, and articles that nobody has taken in yet."""
    newsroom = ServiceLoops(log, given)
    events = resolve_commands(busy_week())
    newsroom.feed([*events, *(one for edition in EDITIONS for one in in_edition(events[:8], edition))])
    newsroom.write(ARTICLES, [b"{"])
    newsroom.drain("embedder", "clusterer")
    topic = f"{given.topic_prefix}dead-letters"
    replay(log, topic, writer_name=f"{given.topic_prefix}r", wanted=lambda one: one.record.value == b"{", now_ms=0)
    newsroom.drain("embedder")
    newsroom.feed([article(31, subject=2, hour=480)])
    newsroom.close()
    return newsroom


def further(newsroom: ServiceLoops) -> dict[str, Story]:
    """The stories after some more news."""
    more = [article(40 + number, subject=number % 5, hour=481 + number) for number in range(9)]
    newsroom.feed([*more, *in_edition(more, "fr")])
    newsroom.drain("embedder", "clusterer")
    return Newsloom(newsroom.log, topic_prefix=newsroom.settings.topic_prefix).stories()


@pytest.mark.parametrize("partitions", [1, 5])
def test_the_services_go_on_in_the_copy_as_in_the_original(log: Log, given: Settings, partitions: int) -> None:
    busy(log, given)
    target = target_settings(given, given.topic_prefix + TO, state_partitions=partitions)

    migrated = migrate(log, given, target, untold)

    assert migrated.articles > 20
    old, new = (
        [record.value for record in read_topic(log, topic_name(side, STORY_UPDATES))] for side in (given, target)
    )
    assert old == new
    lying = {record.partition for record in read_topic(log, topic_name(target, ARTICLE_VECTORS))}
    assert len(lying) == min(partitions, len(lying)) > partitions // 2
    waiting = [
        [letter.replayed for letter in read_dead_letters(log, f"{side.topic_prefix}dead-letters")]
        for side in (given, target)
    ]
    assert sorted(waiting[0]) == sorted(waiting[1])
    # Both go on, each on its own topics: the clusterers' state, places and tails were the same.
    assert further(ServiceLoops(log, given)) == further(ServiceLoops(log, target))
    assert find_violations(log, given) == find_violations(log, target) == []


def test_a_letter_is_sent_back_to_the_copys_own_topic(log: Log, given: Settings) -> None:
    busy(log, given)
    target = target_settings(given, given.topic_prefix + TO, state_partitions=3)
    migrate(log, given, target, untold)

    sent = replay(
        log,
        f"{target.topic_prefix}dead-letters",
        writer_name=f"{target.topic_prefix}r",
        wanted=lambda _: True,
        now_ms=0,
    )

    assert sent.sent
    assert all(topic.startswith(target.topic_prefix) for topic in sent.sent)
    newsroom = ServiceLoops(log, target)
    newsroom.drain("embedder", "clusterer")
    assert find_violations(log, target) == []


# --- on one log that is quick to make


@pytest.fixture
def log_file(tmp_path: Path) -> LogFile:
    given = Settings(log=f"sqlite:///{tmp_path / 'news.db'}", model="test", partitions=2, state_partitions=2)
    with closing(open_log_url(given.log)) as log:
        busy(log, given)
    return LogFile(tmp_path / "news.db", given)


def migrated_to(log_file: LogFile, prefix: str, partitions: int) -> None:
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(log, log_file.settings, target_settings(log_file.settings, prefix, state_partitions=partitions), untold)


def test_what_retention_has_taken_is_not_missed_in_the_copy_nor_in_a_copy_of_it(log_file: LogFile) -> None:
    for topic in (ARTICLES, ARTICLE_VECTORS, STORY_UPDATES):
        by_partition: dict[int, list[Record]] = {}
        for record in log_file.records(topic):
            by_partition.setdefault(record.partition, []).append(record)
        for records in by_partition.values():
            for record in records[: len(records) // 3]:
                log_file.delete(record)

    migrated_to(log_file, "second.", 3)
    second = LogFile(log_file.file, target_settings(log_file.settings, "second.", state_partitions=3))
    assert second.find_violations() == []
    migrated_to(second, "third.", 2)
    assert (
        LogFile(log_file.file, target_settings(log_file.settings, "third.", state_partitions=2)).find_violations() == []
    )


def test_the_old_topics_are_only_read(log_file: LogFile) -> None:
    before = {topic.name: log_file.records(topic) for topic in TOPICS}
    migrated_to(log_file, TO, 3)
    assert {topic.name: log_file.records(topic) for topic in TOPICS} == before


def test_books_that_disagree_are_not_copied(log_file: LogFile) -> None:
    record, update = log_file.updates()[0]
    log_file.append(record)
    with pytest.raises(InconsistentTopics, match=rf"violations under news\., the first: .*{update.story_id}"):
        migrated_to(log_file, TO, 3)


def test_a_prefix_in_use_is_refused(log_file: LogFile) -> None:
    migrated_to(log_file, TO, 3)
    with pytest.raises(ConfigurationError, match=r"topic to\.article-stories exists already: choose a prefix"):
        migrated_to(log_file, TO, 3)
    for prefix in (log_file.settings.topic_prefix, "no/such/prefix", "x" * 65):
        with pytest.raises(ConfigurationError, match="--to-prefix"):
            migrated_to(log_file, prefix, 3)


def test_the_command_says_what_it_has_done_and_what_to_do(log_file: LogFile) -> None:
    arguments = ["migrate", "--to-prefix", TO, "--state-partitions", "3"]
    result = CliRunner(env={"NEWSLOOM_LOG": log_file.settings.log}).invoke(cli, arguments)

    assert result.exit_code == 0, result.output
    assert f"copied  {len(log_file.records(STORY_UPDATES)):>9,}  to.story-updates" in result.output
    assert "are under to., equal to those under news.; both are verified" in result.output
    assert "now set NEWSLOOM_TOPIC_PREFIX=to. NEWSLOOM_STATE_PARTITIONS=3" in result.output
