"""The same stories under another prefix, with the vectors of another model: nothing that was published changes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import ARTICLES, DEAD_LETTERS
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.subscribe import Newsloom
from services.clusterer.core.fixed_point import SCALE, decode_int16
from services.clusterer.step import ClustererStep
from services.embedder.encoder import Vectors
from services.embedder.preparation import prepare
from services.migration.migration import migrate
from services.migration.reembedder import Reembedder
from services.migration.target import target_settings
from services.verifier.verification import find_violations
from tests.laws.streams import FIXED_PARAMETERS
from tests.unit.migration.crashing_log import Interrupted
from tests.unit.migration.models import (
    NEW,
    OLD,
    WordEncoder,
    encoder_of,
    newsroom_of,
    some_days,
    take_in,
    text_article,
)
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops

FURTHER = [text_article(40 + n, subject=4 + n % 3, hour=24 * 12 + 10 + n) for n in range(6)]


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow])])
def given(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'news.db'}" if request.param == "sqlite" else request.getfixturevalue("kafka_url")
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model=OLD[0], partitions=2, state_partitions=2)


@pytest.fixture
def log(given: Settings) -> Iterator[Log]:
    with closing(open_log_url(given.log)) as log:
        yield log


def untold(line: str) -> None: ...


def standing(log: Log, given: Settings) -> ServiceLoops:
    """An installation with stories in two editions, of which the services have taken everything in."""
    newsroom = newsroom_of(log, given, OLD)
    take_in(newsroom, [*some_days(), *some_days("de")])
    newsroom.close()
    return newsroom


def remodelled(given: Settings, partitions: int | None = None) -> Settings:
    return target_settings(given, f"{given.topic_prefix}to.", state_partitions=partitions, model=NEW[0])


def test_stories_stay_as_they_are_and_their_articles_get_vectors_of_the_new_model(log: Log, given: Settings) -> None:
    standing(log, given)
    target = remodelled(given, 3)

    migrate(log, given, target, untold, Reembedder(encoder_of(NEW)))

    old, new = (Newsloom(log, topic_prefix=side.topic_prefix) for side in (given, target))
    stories = new.stories()
    assert stories == old.stories()
    assert {story.state for story in stories.values()} == {StoryState.OPEN, StoryState.CLOSED}
    texts = {(one.edition, one.id): prepare(one) for one in [*some_days(), *some_days("de")]}
    expected, seen = encoder_of(NEW), 0
    before = old.memberships()
    for key, member in new.memberships().items():
        assert (
            msgspec.structs.replace(member, title_vector=before[key].title_vector, lead_vector=before[key].lead_vector)
            == (before[key])
        )
        if stories[member.story_id].state is StoryState.OPEN:
            for data, text in ((member.lead_vector, texts[key].passage), (member.title_vector, texts[key].title)):
                # Half precision has 11 bits.
                assert np.abs(decode_int16(data) / SCALE - expected.encode([text])[0]).max() < 0.001
            seen += 1
    assert seen == 14
    assert find_violations(log, target) == []


def test_the_new_generation_goes_on_behind_the_last_published_version(log: Log, given: Settings) -> None:
    standing(log, given)
    target = remodelled(given)
    migrate(log, given, target, untold, Reembedder(encoder_of(NEW)))
    before = Newsloom(log, topic_prefix=target.topic_prefix).stories()

    newsroom = newsroom_of(log, target, NEW)
    take_in(newsroom, FURTHER)

    after = Newsloom(log, topic_prefix=target.topic_prefix).stories()
    grown = [story_id for story_id in before if after[story_id].article_count > before[story_id].article_count]
    assert len(grown) >= 2
    for story_id in grown:
        count = len(before[story_id].history)
        assert after[story_id].history[:count] == before[story_id].history
        assert after[story_id].history[count].version == before[story_id].version + 1
    assert find_violations(log, target) == []


def test_the_old_generation_may_work_while_the_new_one_is_embedded(log: Log, given: Settings) -> None:
    standing(log, given)
    target = remodelled(given)

    class Busy(WordEncoder):
        """While it encodes, the old services are at work again."""

        def encode(self, texts: Sequence[str]) -> Vectors:
            if not self.texts_encoded:
                newsroom = newsroom_of(log, given, OLD)
                take_in(newsroom, FURTHER)
                newsroom.close()
            return super().encode(texts)

    migrate(log, given, target, untold, Reembedder(Busy(*NEW)))

    assert find_violations(log, given) == find_violations(log, target) == []
    old, new = (Newsloom(log, topic_prefix=side.topic_prefix).memberships() for side in (given, target))
    assert set(old) - set(new) == {("main", one.id) for one in FURTHER}


# --- on one log that is quick to make


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    file = tmp_path_factory.mktemp("whole") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model=OLD[0], partitions=2, state_partitions=2)
    with closing(open_log_url(given.log)) as log:
        standing(log, given)
    return LogFile(file, given)


@pytest.fixture
def log_file(whole: LogFile, tmp_path: Path) -> LogFile:
    return whole.copy_to(tmp_path / "news.db")


def migrated(log_file: LogFile, reembedding: Reembedder | None = None, *, target: Settings | None = None) -> list[str]:
    lines: list[str] = []
    with closing(open_log_url(log_file.settings.log)) as log:
        whereto = target or remodelled(log_file.settings)
        migrate(log, log_file.settings, whereto, lines.append, reembedding or Reembedder(encoder_of(NEW)))
    return lines


def test_each_step_is_told(log_file: LogFile) -> None:
    lines = migrated(log_file)
    assert lines[0] == "verified: every invariant holds under news."
    assert lines[-3:] == [
        "copied: services and producers under news. may be started again; those under news.to. not yet",
        "embedded       14  of 14 articles in open stories",
        "verified: every invariant holds under news.to.",
    ]


def test_articles_that_lie_only_in_closed_stories_are_not_embedded(log_file: LogFile) -> None:
    encoder = encoder_of(NEW)
    migrated(log_file, Reembedder(encoder))
    assert encoder.texts_encoded == 2 * 14


def test_a_model_the_stories_are_made_with_already_is_refused(log_file: LogFile) -> None:
    with pytest.raises(ConfigurationError, match=r"--model 'small': .* use this model already"):
        migrated(log_file, Reembedder(encoder_of(OLD)))


def raise_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on as a version of newsloom whose embedder prepares texts by other rules."""
    for module in ("services.embedder.step", "services.migration.reembedder"):
        monkeypatch.setattr(f"{module}.PREPARATION", "2")


def test_the_same_model_with_another_preparation_is_embedded_again(
    log_file: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_preparation(monkeypatch)
    encoder, target = encoder_of(OLD), target_settings(log_file.settings, "news.to.")

    migrated(log_file, Reembedder(encoder), target=target)

    assert encoder.texts_encoded == 2 * 14
    assert LogFile(log_file.file, target).checkpoint()[1].preparation == "2"
    with closing(open_log_url(target.log)) as log:
        newsroom = newsroom_of(log, target, OLD)
        take_in(newsroom, FURTHER)
        newsroom.close()
        assert find_violations(log, target) == []
    assert LogFile(log_file.file, target).records(DEAD_LETTERS) == []


def test_vectors_of_the_new_preparation_may_wait_for_the_clusterer(
    log_file: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedder that was upgraded before the migration has made them; the clusterer of the copy takes them."""
    raise_preparation(monkeypatch)
    with closing(open_log_url(log_file.settings.log)) as log:
        newsroom = newsroom_of(log, log_file.settings, OLD)
        newsroom.write(ARTICLES, [encode(one) for one in FURTHER])
        newsroom.drain("embedder")
        newsroom.close()
    target = target_settings(log_file.settings, "news.to.")

    migrated(log_file, Reembedder(encoder_of(OLD)), target=target)

    with closing(open_log_url(target.log)) as log:
        newsroom = newsroom_of(log, target, OLD)
        newsroom.drain("clusterer")
        newsroom.close()
        assert {("main", one.id) for one in FURTHER} <= set(Newsloom(log, topic_prefix="news.to.").memberships())


def test_a_plain_migration_keeps_the_preparation(log_file: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    raise_preparation(monkeypatch)
    target = target_settings(log_file.settings, "news.to.", state_partitions=3)
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(log, log_file.settings, target, untold)
    assert LogFile(log_file.file, target).checkpoint()[1].preparation == "1"


def test_vectors_that_the_clusterer_has_not_taken_in_are_told(log_file: LogFile) -> None:
    with closing(open_log_url(log_file.settings.log)) as log:
        newsroom = newsroom_of(log, log_file.settings, OLD)
        newsroom.write(ARTICLES, [encode(one) for one in FURTHER])
        newsroom.drain("embedder")
        newsroom.close()

    with pytest.raises(ConfigurationError, match=r"wait for the clusterer in news\.article-vectors \(6\): run it"):
        migrated(log_file)
    assert not desk_has(log_file, "news.to.")


def test_boilerplate_that_is_not_compared_is_not_compared_with_the_new_model_either(log_file: LogFile) -> None:
    menu = " ".join(f"menu{word}" for word in range(60))
    pages = [msgspec.structs.replace(text_article(60 + n, subject=7 + n, hour=300), text=menu) for n in range(2)]
    with closing(open_log_url(log_file.settings.log)) as log:
        newsroom = newsroom_of(log, log_file.settings, OLD)
        take_in(newsroom, pages)
        newsroom.close()
    migrated(log_file)
    with closing(open_log_url(log_file.settings.log)) as log:
        found = Newsloom(log, topic_prefix=remodelled(log_file.settings).topic_prefix).memberships()
    first, second = found["main", "t60"], found["main", "t61"]
    assert second.boilerplate_of == "t60"
    assert second.lead_vector == second.title_vector
    assert first.lead_vector != first.title_vector


def desk_has(log_file: LogFile, prefix: str) -> bool:
    with closing(open_log_url(log_file.settings.log)) as log:
        return bool(log.admin().describe([prefix + topic.name for topic in TOPICS]))


def lose_the_first_days(log_file: LogFile) -> None:
    """Retention has taken all articles up to some that are in open stories."""
    kept = [record for record in log_file.records(ARTICLES) if record.partition == 0][:15]
    for record in kept:
        log_file.delete(record)


def test_a_text_that_retention_has_taken_is_told_before_anything_is_written(log_file: LogFile) -> None:
    lose_the_first_days(log_file)

    with pytest.raises(ConfigurationError) as refused:
        migrated(log_file)

    told = str(refused.value)
    assert "retention has deleted the texts of 2 of 14 articles in open stories from news.articles" in told
    assert "the first: 't20' of edition main" in told
    assert "Ingest these articles again, unchanged" in told
    assert "--from-titles" in told
    assert not desk_has(log_file, "news.to.")


def test_articles_ingested_again_change_no_story_and_give_their_texts(log_file: LogFile) -> None:
    lose_the_first_days(log_file)
    before = log_file.stories()
    with closing(open_log_url(log_file.settings.log)) as log:
        newsroom = newsroom_of(log, log_file.settings, OLD)
        latest = {one.id: one for one in some_days()}
        take_in(newsroom, latest.values())
        newsroom.close()

    migrated(log_file)

    moved = LogFile(log_file.file, remodelled(log_file.settings))
    assert [story for _, story in moved.stories()] == [story for _, story in before]
    assert moved.find_violations() == []


def test_a_title_does_where_it_is_told_to(log_file: LogFile) -> None:
    lose_the_first_days(log_file)

    migrated(log_file, Reembedder(encoder_of(NEW), from_titles=True))

    moved = LogFile(log_file.file, remodelled(log_file.settings))
    (member,) = [member for _, member in moved.memberships() if (member.edition, member.article_id) == ("main", "t20")]
    assert member.lead_vector == member.title_vector
    assert np.abs(decode_int16(member.lead_vector) / SCALE - encoder_of(NEW).encode([member.title])[0]).max() < 0.001
    assert moved.find_violations() == []


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.migration.reembedder.BATCH_ARTICLES", 4)


class Dying(WordEncoder):
    """Encodes one batch."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.texts_encoded:
            raise Interrupted
        return super().encode(texts)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("model", [OLD, NEW])
def test_a_clusterer_does_not_start_on_half_of_the_vectors(log_file: LogFile, model: tuple[str, int]) -> None:
    with pytest.raises(Interrupted):
        migrated(log_file, Reembedder(Dying(*NEW)))

    target = msgspec.structs.replace(remodelled(log_file.settings), model=model[0])
    partition = LogFile(log_file.file, target).checkpoint()[0].partition
    complaint = f"NEWSLOOM_MODEL is '{model[0]}', .* were made with 'small, being replaced by large'"
    with closing(open_log_url(target.log)) as log, pytest.raises(ConfigurationError, match=complaint):
        ClustererStep(target, log, None, FIXED_PARAMETERS).restore(partition)


@pytest.mark.usefixtures("small_batches")
def test_what_was_begun_is_not_ended_as_something_else(log_file: LogFile) -> None:
    with pytest.raises(Interrupted):
        migrated(log_file, Reembedder(Dying(*NEW)))

    other = msgspec.structs.replace(remodelled(log_file.settings), model="other")
    with pytest.raises(
        ConfigurationError, match=r"an earlier migration to news\.to\. was interrupted and cannot continue"
    ):
        migrated(log_file, Reembedder(WordEncoder("other", 8)), target=other)
    with (
        closing(open_log_url(log_file.settings.log)) as log,
        pytest.raises(ConfigurationError, match="was interrupted and cannot"),
    ):
        migrate(log, log_file.settings, msgspec.structs.replace(other, model=OLD[0]), untold)
