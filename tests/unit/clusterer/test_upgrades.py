"""A new version makes other decisions, and continues what the old one has published without changing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest

from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.topics import STORY_UPDATES
from newsloom.contracts.vector import VectorEvent
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from newsloom.subscribe import Newsloom
from services.clusterer.core.parameters import Parameters
from services.verifier.verification import find_violations
from tests.laws.streams import FIXED_PARAMETERS, article
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.service_loops import ServiceLoops, resolve_commands

GIVEN = Settings(log="sqlite://", model="test", partitions=2, state_partitions=2)
GENEROUS = Parameters(bar_base=0.05, bar_mean=0.0, bar_std=0.0, merge_bar=0.05, copy_jaccard=0.9)
"""With these, nearly all articles are in one story."""
STRICT = Parameters(bar_base=0.99, bar_mean=0.0, bar_std=0.0, merge_bar=0.99)
"""With these, nearly every article is alone in its story."""


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url("sqlite://")) as log:
        yield log


def later_news() -> list[VectorEvent]:
    """Return new articles on old and new subjects, and corrections of old articles in open stories."""
    new = [article(50 + number, subject=4 + number % 3, hour=482 + number, wobble=number % 4) for number in range(12)]
    corrected = [article(12, subject=4, hour=480, revision=1), article(13, subject=5, hour=480, revision=1)]
    return [*new[:6], *corrected, *new[6:]]


def run(log: Log, parameters: Parameters, events: Sequence[VectorEvent]) -> None:
    newsroom = ServiceLoops(log, GIVEN, parameters)
    newsroom.feed(events)
    newsroom.drain("embedder", "clusterer")
    newsroom.close()


def updates(log: Log) -> list[Record]:
    return sorted(
        read_topic(log, topic_name(GIVEN, STORY_UPDATES)), key=lambda record: (record.partition, record.offset)
    )


def article_counts(parameters: Parameters) -> dict[str, int]:
    """Return the article count of each story after a week of the old version and the later news of this one."""
    with closing(open_log_url("sqlite://")) as log:
        run(log, FIXED_PARAMETERS, resolve_commands(busy_week()))
        run(log, parameters, later_news())
        return {story.id: story.article_count for story in Newsloom(log).stories().values()}


@pytest.mark.parametrize("parameters", [GENEROUS, STRICT], ids=["generous", "strict"])
def test_an_upgrade_keeps_published_history_and_continues_it_without_gaps(log: Log, parameters: Parameters) -> None:
    run(log, FIXED_PARAMETERS, resolve_commands(busy_week()))
    before, stories, memberships = updates(log), Newsloom(log).stories(), Newsloom(log).memberships()

    run(log, parameters, later_news())

    after = {(record.partition, record.offset): record for record in updates(log)}
    assert [after[record.partition, record.offset] for record in before] == before
    # Versions, counts, memberships and lineage of both versions agree with each other.
    assert find_violations(log, GIVEN) == []
    now, ended = Newsloom(log), {story.id for story in stories.values() if story.state.value != "open"}
    assert {story_id: now.stories()[story_id] for story_id in ended} == {
        story_id: stories[story_id] for story_id in ended
    }
    moved = {
        (update.edition, update.article.id) for update in now.updates(start="earliest", idle_s=0) if update.article
    }
    untouched = [name for name, member in memberships.items() if member.story_id in ended or name not in moved]
    assert untouched
    assert {name: now.memberships()[name] for name in untouched} == {name: memberships[name] for name in untouched}


@pytest.mark.parametrize("parameters", [GENEROUS, STRICT], ids=["generous", "strict"])
def test_a_new_version_writes_nothing_when_it_starts(log: Log, parameters: Parameters) -> None:
    run(log, FIXED_PARAMETERS, resolve_commands(busy_week()))
    names = [topic_name(GIVEN, topic) for topic in TOPICS]
    before = log.admin().end_offsets(names)

    newsroom = ServiceLoops(log, GIVEN, parameters)
    newsroom.drain("embedder", "clusterer")

    assert log.admin().end_offsets(names) == before


def test_the_parameter_sets_make_different_decisions() -> None:
    assert (
        article_counts(GENEROUS)
        != article_counts(FIXED_PARAMETERS)
        != article_counts(STRICT)
        != article_counts(GENEROUS)
    )
