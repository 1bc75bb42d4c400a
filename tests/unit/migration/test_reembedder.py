"""A migration to another model: articles of open stories get new vectors, and nothing published changes."""

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
from tests.unit.migration.crashing_log import Crash
from tests.unit.migration.models import (
    NEW,
    OLD,
    WordEncoder,
    encoder_for,
    process_articles,
    services_with,
    some_days,
    text_article,
)
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops

LATER = [text_article(40 + n, subject=4 + n % 3, hour=24 * 12 + 10 + n) for n in range(6)]


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow])])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = f"sqlite:///{tmp_path / 'news.db'}" if request.param == "sqlite" else request.getfixturevalue("kafka_url")
    return Settings(log=url, topic_prefix=f"t{uuid.uuid4().hex[:8]}.", model=OLD[0], partitions=2, state_partitions=2)


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    with closing(open_log_url(settings.log)) as log:
        yield log


def ignore_progress(line: str) -> None: ...


def fill_log(log: Log, settings: Settings) -> ServiceLoops:
    """Write stories in two editions; every record is processed."""
    services = services_with(log, settings, OLD)
    process_articles(services, [*some_days(), *some_days("de")])
    services.close()
    return services


def target_with_new_model(settings: Settings, partitions: int | None = None) -> Settings:
    return target_settings(settings, f"{settings.topic_prefix}to.", state_partitions=partitions, model=NEW[0])


def test_stories_stay_unchanged_and_articles_of_open_stories_get_new_vectors(log: Log, settings: Settings) -> None:
    fill_log(log, settings)
    target = target_with_new_model(settings, 3)

    migrate(log, settings, target, ignore_progress, Reembedder(encoder_for(NEW)))

    old, new = (Newsloom(log, topic_prefix=side.topic_prefix) for side in (settings, target))
    stories = new.stories()
    assert stories == old.stories()
    assert {story.state for story in stories.values()} == {StoryState.OPEN, StoryState.CLOSED}
    texts = {(one.edition, one.id): prepare(one) for one in [*some_days(), *some_days("de")]}
    expected, seen = encoder_for(NEW), 0
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


def test_the_new_generation_continues_after_the_last_published_version(log: Log, settings: Settings) -> None:
    fill_log(log, settings)
    target = target_with_new_model(settings)
    migrate(log, settings, target, ignore_progress, Reembedder(encoder_for(NEW)))
    before = Newsloom(log, topic_prefix=target.topic_prefix).stories()

    services = services_with(log, target, NEW)
    process_articles(services, LATER)

    after = Newsloom(log, topic_prefix=target.topic_prefix).stories()
    grown = [story_id for story_id in before if after[story_id].article_count > before[story_id].article_count]
    assert len(grown) >= 2
    for story_id in grown:
        count = len(before[story_id].history)
        assert after[story_id].history[:count] == before[story_id].history
        assert after[story_id].history[count].version == before[story_id].version + 1
    assert find_violations(log, target) == []


def test_the_old_services_may_run_while_the_copy_is_embedded(log: Log, settings: Settings) -> None:
    fill_log(log, settings)
    target = target_with_new_model(settings)

    class WritingEncoder(WordEncoder):
        """Run the old services during the first call."""

        def encode(self, texts: Sequence[str]) -> Vectors:
            if not self.texts_encoded:
                services = services_with(log, settings, OLD)
                process_articles(services, LATER)
                services.close()
            return super().encode(texts)

    migrate(log, settings, target, ignore_progress, Reembedder(WritingEncoder(*NEW)))

    assert find_violations(log, settings) == find_violations(log, target) == []
    old, new = (Newsloom(log, topic_prefix=side.topic_prefix).memberships() for side in (settings, target))
    assert set(old) - set(new) == {("main", one.id) for one in LATER}


# --- on SQLite only


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    file = tmp_path_factory.mktemp("filled") / "news.db"
    settings = Settings(log=f"sqlite:///{file}", model=OLD[0], partitions=2, state_partitions=2)
    with closing(open_log_url(settings.log)) as log:
        fill_log(log, settings)
    return LogFile(file, settings)


@pytest.fixture
def log_file(filled: LogFile, tmp_path: Path) -> LogFile:
    return filled.copy_to(tmp_path / "news.db")


def run_migration(
    log_file: LogFile, reembedder: Reembedder | None = None, *, target: Settings | None = None
) -> list[str]:
    lines: list[str] = []
    with closing(open_log_url(log_file.settings.log)) as log:
        target = target or target_with_new_model(log_file.settings)
        migrate(log, log_file.settings, target, lines.append, reembedder or Reembedder(encoder_for(NEW)))
    return lines


def test_each_step_is_reported(log_file: LogFile) -> None:
    lines = run_migration(log_file)
    assert lines[0] == "verified: every invariant holds under news."
    assert lines[-3:] == [
        "copied: services and producers under news. may be started again; those under news.to. not yet",
        "embedded       14  of 14 articles in open stories",
        "verified: every invariant holds under news.to.",
    ]


def test_articles_of_closed_stories_are_not_embedded(log_file: LogFile) -> None:
    encoder = encoder_for(NEW)
    run_migration(log_file, Reembedder(encoder))
    assert encoder.texts_encoded == 2 * 14


def test_the_model_in_use_is_refused(log_file: LogFile) -> None:
    with pytest.raises(ConfigurationError, match=r"--model 'small': .* use this model already"):
        run_migration(log_file, Reembedder(encoder_for(OLD)))


def raise_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a version of newsloom whose embedder prepares texts differently."""
    for module in ("services.embedder.step", "services.clusterer.step", "services.migration.reembedder"):
        monkeypatch.setattr(f"{module}.PREPARATION", "2")


def test_the_same_model_with_another_preparation_is_embedded_again(
    log_file: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_preparation(monkeypatch)
    encoder, target = encoder_for(OLD), target_settings(log_file.settings, "news.to.")

    run_migration(log_file, Reembedder(encoder), target=target)

    assert encoder.texts_encoded == 2 * 14
    checkpoint = LogFile(log_file.file, target).checkpoint()[1]
    assert checkpoint.preparation == "2"
    # The closed stories keep the vectors of the old preparation.
    assert checkpoint.comparable_from == checkpoint.next_sequence
    with closing(open_log_url(target.log)) as log:
        services = services_with(log, target, OLD)
        process_articles(services, LATER)
        services.close()
        assert find_violations(log, target) == []
    assert LogFile(log_file.file, target).records(DEAD_LETTERS) == []


def test_vectors_of_the_new_preparation_may_wait_for_the_clusterer(
    log_file: LogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedder upgraded before the migration has produced them, and the copy's clusterer accepts them."""
    raise_preparation(monkeypatch)
    with closing(open_log_url(log_file.settings.log)) as log:
        services = services_with(log, log_file.settings, OLD)
        services.write(ARTICLES, [encode(one) for one in LATER])
        services.drain("embedder")
        services.close()
    target = target_settings(log_file.settings, "news.to.")

    run_migration(log_file, Reembedder(encoder_for(OLD)), target=target)

    with closing(open_log_url(target.log)) as log:
        services = services_with(log, target, OLD)
        services.drain("clusterer")
        services.close()
        assert {("main", one.id) for one in LATER} <= set(Newsloom(log, topic_prefix="news.to.").memberships())


def test_a_plain_migration_keeps_the_preparation(log_file: LogFile, monkeypatch: pytest.MonkeyPatch) -> None:
    raise_preparation(monkeypatch)
    target = target_settings(log_file.settings, "news.to.", state_partitions=3)
    with closing(open_log_url(log_file.settings.log)) as log:
        migrate(log, log_file.settings, target, ignore_progress)
    assert LogFile(log_file.file, target).checkpoint()[1].preparation == "1"


def test_waiting_vectors_of_the_old_model_are_refused(log_file: LogFile) -> None:
    with closing(open_log_url(log_file.settings.log)) as log:
        services = services_with(log, log_file.settings, OLD)
        services.write(ARTICLES, [encode(one) for one in LATER])
        services.drain("embedder")
        services.close()

    with pytest.raises(ConfigurationError, match=r"wait for the clusterer in news\.article-vectors \(6\): run it"):
        run_migration(log_file)
    assert not has_topics(log_file, "news.to.")


def test_boilerplate_gets_the_new_vector_of_its_title(log_file: LogFile) -> None:
    menu = " ".join(f"menu{word}" for word in range(60))
    pages = [msgspec.structs.replace(text_article(60 + n, subject=7 + n, hour=300), text=menu) for n in range(2)]
    with closing(open_log_url(log_file.settings.log)) as log:
        services = services_with(log, log_file.settings, OLD)
        process_articles(services, pages)
        services.close()
    run_migration(log_file)
    with closing(open_log_url(log_file.settings.log)) as log:
        found = Newsloom(log, topic_prefix=target_with_new_model(log_file.settings).topic_prefix).memberships()
    first, second = found["main", "t60"], found["main", "t61"]
    assert second.boilerplate_of == "t60"
    assert second.lead_vector == second.title_vector
    assert first.lead_vector != first.title_vector


def has_topics(log_file: LogFile, prefix: str) -> bool:
    with closing(open_log_url(log_file.settings.log)) as log:
        return bool(log.admin().describe([prefix + topic.name for topic in TOPICS]))


def delete_first_articles(log_file: LogFile) -> None:
    """Delete the first articles, as retention would, including some of open stories."""
    first = [record for record in log_file.records(ARTICLES) if record.partition == 0][:15]
    for record in first:
        log_file.delete(record)


def test_a_deleted_text_is_reported_before_anything_is_written(log_file: LogFile) -> None:
    delete_first_articles(log_file)

    with pytest.raises(ConfigurationError) as refused:
        run_migration(log_file)

    message = str(refused.value)
    assert "retention has deleted the texts of 2 of 14 articles in open stories from news.articles" in message
    assert "the first: 't20' of edition main" in message
    assert "Ingest these articles again, unchanged" in message
    assert "--from-titles" in message
    assert not has_topics(log_file, "news.to.")


def test_articles_ingested_again_supply_their_texts_and_change_no_story(log_file: LogFile) -> None:
    delete_first_articles(log_file)
    before = log_file.stories()
    with closing(open_log_url(log_file.settings.log)) as log:
        services = services_with(log, log_file.settings, OLD)
        latest = {one.id: one for one in some_days()}
        process_articles(services, latest.values())
        services.close()

    run_migration(log_file)

    copied = LogFile(log_file.file, target_with_new_model(log_file.settings))
    assert [story for _, story in copied.stories()] == [story for _, story in before]
    assert copied.find_violations() == []


def test_from_titles_embeds_titles_of_articles_without_text(log_file: LogFile) -> None:
    delete_first_articles(log_file)

    run_migration(log_file, Reembedder(encoder_for(NEW), from_titles=True))

    copied = LogFile(log_file.file, target_with_new_model(log_file.settings))
    (member,) = [member for _, member in copied.memberships() if (member.edition, member.article_id) == ("main", "t20")]
    assert member.lead_vector == member.title_vector
    assert np.abs(decode_int16(member.lead_vector) / SCALE - encoder_for(NEW).encode([member.title])[0]).max() < 0.001
    assert copied.find_violations() == []


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.migration.reembedder.BATCH_ARTICLES", 4)


class CrashingEncoder(WordEncoder):
    """Encode one batch, then crash."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.texts_encoded:
            raise Crash
        return super().encode(texts)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("model", [OLD, NEW])
def test_a_clusterer_refuses_a_half_embedded_copy(log_file: LogFile, model: tuple[str, int]) -> None:
    with pytest.raises(Crash):
        run_migration(log_file, Reembedder(CrashingEncoder(*NEW)))

    target = msgspec.structs.replace(target_with_new_model(log_file.settings), model=model[0])
    partition = LogFile(log_file.file, target).checkpoint()[0].partition
    message = f"NEWSLOOM_MODEL is '{model[0]}', .* were made with 'small, being replaced by large'"
    with closing(open_log_url(target.log)) as log, pytest.raises(ConfigurationError, match=message):
        ClustererStep(target, log, None, FIXED_PARAMETERS).restore(partition)


@pytest.mark.usefixtures("small_batches")
def test_an_interrupted_migration_does_not_continue_with_another_model(log_file: LogFile) -> None:
    with pytest.raises(Crash):
        run_migration(log_file, Reembedder(CrashingEncoder(*NEW)))

    other = msgspec.structs.replace(target_with_new_model(log_file.settings), model="other")
    with pytest.raises(
        ConfigurationError, match=r"an earlier migration to news\.to\. was interrupted and cannot continue"
    ):
        run_migration(log_file, Reembedder(WordEncoder("other", 8)), target=other)
    with (
        closing(open_log_url(log_file.settings.log)) as log,
        pytest.raises(ConfigurationError, match="was interrupted and cannot"),
    ):
        migrate(log, log_file.settings, msgspec.structs.replace(other, model=OLD[0]), ignore_progress)


class RenamedEncoder(WordEncoder):
    """The old model under another name."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        return encoder_for(OLD).encode(texts)


@pytest.mark.parametrize(("encoder", "is_kept"), [(RenamedEncoder("renamed", OLD[1]), True), (encoder_for(NEW), False)])
def test_the_zero_point_stays_only_if_all_vectors_stay(log_file: LogFile, encoder: WordEncoder, is_kept: bool) -> None:
    before = log_file.checkpoint()[1]
    assert before.zero_point is not None
    target = target_settings(log_file.settings, "news.to.", model=encoder.model)
    run_migration(log_file, Reembedder(encoder), target=target)
    after = LogFile(log_file.file, target).checkpoint()[1]
    assert after.model == encoder.model
    assert after.zero_point == (before.zero_point if is_kept else None)
