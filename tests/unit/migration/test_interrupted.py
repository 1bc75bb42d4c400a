"""A migration that is interrupted, wherever that is, goes on when it is given again, and ends as one that was not."""

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
from tests.unit.migration.crashing_log import DyingLog, Fate, Interrupted
from tests.unit.migration.models import NEW, OLD, encoder_of, newsroom_of, some_days, take_in, text_article
from tests.unit.migration.test_migration import busy
from tests.unit.verifier.log_file import LogFile

TO = "to."


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there is something to interrupt."""
    monkeypatch.setattr("services.migration.copier.BATCH_RECORDS_MAX", 20)
    monkeypatch.setattr("services.migration.reembedder.BATCH_ARTICLES", 4)


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    """Five editions, dead letters, replayed ones, and articles that nobody has taken in yet; for other partitions."""
    file = tmp_path_factory.mktemp("spread") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=2)
    with closing(open_log_url(given.log)) as log:
        busy(log, given)
    return LogFile(file, given)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    """Texts, for another model."""
    file = tmp_path_factory.mktemp("written") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model=OLD[0], partitions=2, state_partitions=2)
    with closing(open_log_url(given.log)) as log:
        newsroom = newsroom_of(log, given, OLD)
        take_in(newsroom, [*some_days(), *some_days("de")])
        newsroom.close()
    return LogFile(file, given)


def untold(line: str) -> None: ...


def to_more_partitions(log_file: LogFile, fate: Fate) -> None:
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(
            DyingLog(log, fate), log_file.settings, target_settings(log_file.settings, TO, state_partitions=3), untold
        )


def to_another_model(log_file: LogFile, fate: Fate) -> None:
    target = target_settings(log_file.settings, TO, state_partitions=3, model=NEW[0])
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(DyingLog(log, fate), log_file.settings, target, untold, Reembedder(encoder_of(NEW)))


def content(log_file: LogFile) -> dict[str, list[Record]]:
    """Everything under the new prefix; of compacted topics the latest of each key, wherever that stands."""
    moved = LogFile(log_file.file, msgspec.structs.replace(log_file.settings, topic_prefix=TO, state_partitions=3))
    assert moved.find_violations() == []
    found = {topic.name: moved.records(topic) for topic in TOPICS}
    for topic in TOPICS:
        if topic.compacted:
            latest = {record.key: replace(record, offset=0) for record in found[topic.name]}
            found[topic.name] = [latest[key] for key in sorted(latest, key=repr)]
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before a write", "after a write"])
@pytest.mark.parametrize("kind", ["partitions", "model"])
def test_it_ends_as_one_that_was_not_interrupted(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, after: bool
) -> None:
    """It dies at its first write, then at the second one of those that are left, and so on."""
    good: LogFile = request.getfixturevalue("spread" if kind == "partitions" else "written")
    run = to_more_partitions if kind == "partitions" else to_another_model
    quiet, log_file = good.copy_to(tmp_path / "quiet.db"), good.copy_to(tmp_path / "news.db")
    undisturbed = Fate(None, after=False)
    run(quiet, undisturbed)

    deaths = 0
    while True:
        try:
            run(log_file, Fate(deaths % 4, after=after))
            break
        except Interrupted:
            deaths += 1
        except ConfigurationError as error:
            # It died behind its last word.
            if not str(error).startswith("this migration is finished"):
                raise
            break

    assert deaths > 8
    assert undisturbed.writes >= 20
    assert content(log_file) == content(quiet)


def test_it_does_not_go_on_when_the_old_topics_have_changed(written: LogFile, tmp_path: Path) -> None:
    log_file = written.copy_to(tmp_path / "news.db")
    with pytest.raises(Interrupted):
        to_another_model(log_file, Fate(5, after=True))
    with closing(open_log_url(log_file.settings.log)) as log:
        newsroom = newsroom_of(log, log_file.settings, OLD)
        take_in(newsroom, [text_article(60, subject=1, hour=24 * 13)])
        newsroom.close()

    with pytest.raises(ConfigurationError, match=r"an earlier migration to to\. was interrupted and cannot continue"):
        to_another_model(log_file, Fate(None, after=False))


def test_one_that_has_ended_is_not_begun_again(written: LogFile, tmp_path: Path) -> None:
    log_file = written.copy_to(tmp_path / "news.db")
    to_another_model(log_file, Fate(None, after=False))
    with pytest.raises(ConfigurationError, match=r"this migration is finished; topic to\.article-stories exists"):
        to_another_model(log_file, Fate(None, after=False))


def test_topics_on_which_nothing_stands_yet_are_used(written: LogFile, tmp_path: Path) -> None:
    """It died between making the topics and writing the first record."""
    log_file = written.copy_to(tmp_path / "news.db")
    with pytest.raises(Interrupted):
        to_another_model(log_file, Fate(0, after=False))
    assert LogFile(log_file.file, target_settings(log_file.settings, TO)).records(ARTICLES) == []

    to_another_model(log_file, Fate(None, after=False))

    assert len(content(log_file)[STORY_UPDATES.name]) == len(log_file.records(STORY_UPDATES))


@pytest.mark.slow
@pytest.mark.kafka
def test_on_kafka_it_goes_on_too(kafka_url: str) -> None:
    """There, offsets have gaps, and who was interrupted may have left a transaction open."""
    given = Settings(
        log=kafka_url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model=OLD[0], partitions=2, state_partitions=2
    )
    target = target_settings(given, f"{given.topic_prefix}to.", state_partitions=3, model=NEW[0])
    with closing(open_log_url(kafka_url)) as log:
        newsroom = newsroom_of(log, given, OLD)
        take_in(newsroom, [*some_days(), *some_days("de")])
        newsroom.write(ARTICLES, [encode(text_article(60, subject=1, hour=24 * 13))])
        newsroom.close()

    for dies_at in (1, 4, 7, 2):
        fate = Fate(dies_at, after=dies_at % 2 == 0)
        with closing(open_log_url(kafka_url)) as log, pytest.raises(Interrupted):
            migrate(DyingLog(log, fate), given, target, untold, Reembedder(encoder_of(NEW)))
    with closing(open_log_url(kafka_url)) as log:
        migrate(log, given, target, untold, Reembedder(encoder_of(NEW)))

        for topic in TOPICS:
            if not topic.compacted:
                old, new = (list(read_topic(log, topic_name(side, topic))) for side in (given, target))
                assert sorted(map(_content, old)) == sorted(map(_content, new))
        old_stories, new_stories = (Newsloom(log, topic_prefix=side.topic_prefix).stories() for side in (given, target))
        assert old_stories == new_stories
        newsroom = newsroom_of(log, target, NEW)
        newsroom.drain("embedder", "clusterer")
        newsroom.close()
        assert find_violations(log, target) == []


def _content(record: Record) -> tuple[bytes, bytes]:
    return record.key or b"", record.value or b""
