"""The bookkeeper of the acceptance tests: content with honest books, and with no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction
from newsloom.streaming.dead_letters import dead_letter
from newsloom.streaming.records import Record
from newsloom.streaming.step import Rejection
from services.clusterer.core.calibration import uncalibrated
from services.clusterer.core.edition import Edition
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.acceptance.checker import problems
from tests.acceptance.published import Published
from tests.laws.streams import DIMENSION, EDITION, Event, article, streams

Corruption = Callable[[Published], Published]


PARAMETERS = Parameters(bar_base=0.8, bar_mean=0.0, bar_std=0.0)
"""Vectors of eight dimensions are all alike: a high bar keeps their subjects apart, so that there is something to merge."""


def publish(events: Sequence[Event]) -> Published:
    """What an engine publishes of these events, as it would stand on the log."""
    engine = Engine(Edition(EDITION, uncalibrated("test", DIMENSION), PARAMETERS))
    updates: list[StoryUpdate] = []
    stories: dict[str, Story] = {}
    memberships: dict[tuple[str, str], Membership] = {}
    for event in events:
        changes = engine.apply(event)
        updates += changes.updates
        for story_id in changes.stories:
            if (story := engine.story(story_id)) is not None:
                stories[story_id] = story
        for article_id, member in changes.memberships:
            memberships.pop((EDITION, article_id), None)
            if member is not None:
                memberships[EDITION, article_id] = member
    articles = [Record("news.articles", 0, 3 * place, 0, b"", b"") for place in range(len(events))]
    vectors = [
        Record(
            "news.article-vectors", 0, place, 0, b"main", encode(event), (("ce_id", f"news.articles/0/{3 * place}".encode()),)
        )
        for place, event in enumerate(events)
    ]  # fmt: skip
    return Published(tuple(articles), tuple(vectors), (), tuple(updates), stories, memberships)


def a_busy_week() -> Published:
    """Stories that grow, are copied, corrected, emptied, merged and closed."""
    events: list[Event] = [
        article(1, subject=1),
        article(2, subject=2),
        article(3, subject=1, hour=1, text=5),
        article(4, subject=1, hour=2, text=5),
        article(5, subject=1, hour=2),
        article(5, subject=1, hour=2),
        article(6, subject=3, hour=3),
        article(5, subject=3, hour=2, revision=1),
        article(2, subject=2, revision=1),
        article(7, subject=2, hour=4, wobble=1),
        # Two stories of one subject, and the article between them that makes them one.
        article(9, subject=13, hour=5),
        article(10, subject=13, hour=5, wobble=3),
        article(11, subject=13, hour=5),
        ArticleRetraction(article_id="a6", edition=EDITION),
        ArticleRetraction(article_id="a3", edition=EDITION),
        article(8, subject=4, hour=24 * 20),
    ]
    return publish(events)


def test_the_busy_week_has_everything() -> None:
    assert {update.kind for update in a_busy_week().updates} == set(UpdateKind) - {UpdateKind.SPLIT}


@given(streams)
def test_whatever_the_engine_publishes_is_in_order(events: list[Event]) -> None:
    assert problems(publish(events)) == []


def _story(published: Published, position: int = 0) -> Story:
    """The largest story, or one of the next."""
    return sorted(published.stories.values(), key=lambda story: (-story.article_count, story.id))[position]


def _with_story(published: Published, story: Story) -> Published:
    return replace(published, stories={**published.stories, story.id: story})


def story_says(**changed: Any) -> Corruption:
    """The largest story with other values."""
    return lambda published: _with_story(published, msgspec.structs.replace(_story(published), **changed))


def story_counts_one_more(published: Published) -> Published:
    story = _story(published)
    return _with_story(published, msgspec.structs.replace(story, article_count=story.article_count + 1))


def history_lacks_an_entry(published: Published) -> Published:
    story = _story(published)
    return _with_story(published, msgspec.structs.replace(story, history=story.history[:-1]))


def history_has_another_count(published: Published) -> Published:
    story = _story(published)
    wrong = msgspec.structs.replace(story.history[0], article_count=7)
    return _with_story(published, msgspec.structs.replace(story, history=(wrong, *story.history[1:])))


def story_is_missing(published: Published) -> Published:
    left = {story_id: story for story_id, story in published.stories.items() if story_id != _story(published).id}
    return replace(published, stories=left)


def update_is_missing(published: Published) -> Published:
    place = next(place for place, update in enumerate(published.updates) if update.version > 1)
    return replace(published, updates=published.updates[:place] + published.updates[place + 1 :])


def last_update_is_missing(published: Published) -> Published:
    return replace(published, updates=published.updates[:-1])


def update_is_repeated(published: Published) -> Published:
    return replace(published, updates=(published.updates[0], *published.updates))


def survivor_forgets_whom_it_took_in(published: Published) -> Published:
    survivor = next(story for story in published.stories.values() if story.merged_from)
    return _with_story(published, msgspec.structs.replace(survivor, merged_from=()))


def updates_change_places(published: Published) -> Published:
    story_id = next(update.story_id for update in published.updates if update.version > 1)
    first, second = [place for place, update in enumerate(published.updates) if update.story_id == story_id][:2]
    updates = list(published.updates)
    updates[first], updates[second] = updates[second], updates[first]
    return replace(published, updates=tuple(updates))


def created_twice(published: Published) -> Published:
    place = next(place for place, update in enumerate(published.updates) if update.version > 1)
    wrong = msgspec.structs.replace(published.updates[place], kind=UpdateKind.CREATED)
    return replace(published, updates=(*published.updates[:place], wrong, *published.updates[place + 1 :]))


def _with_member(published: Published, change: Callable[[Membership], Membership]) -> Published:
    article_id, member = next(
        item for item in published.memberships.items() if item[1].story_id == _story(published).id
    )
    return replace(published, memberships={**published.memberships, article_id: change(member)})


def member_is_elsewhere(published: Published) -> Published:
    elsewhere = _story(published, 1).id
    return _with_member(published, lambda member: msgspec.structs.replace(member, story_id=elsewhere))


def member_has_another_outlet(published: Published) -> Published:
    return _with_member(published, lambda member: msgspec.structs.replace(member, outlet="Nobody"))


def member_copies_a_stranger(published: Published) -> Published:
    return _with_member(published, lambda member: msgspec.structs.replace(member, copy_of="a99"))


def membership_is_missing(published: Published) -> Published:
    return replace(published, memberships=dict(list(published.memberships.items())[1:]))


def vector_is_missing(published: Published) -> Published:
    return replace(published, vectors=published.vectors[1:])


def vector_is_repeated(published: Published) -> Published:
    return replace(published, vectors=(*published.vectors, published.vectors[-1]))


def vectors_change_places(published: Published) -> Published:
    first, second, *others = published.vectors
    return replace(published, vectors=(second, first, *others))


def article_was_never_clustered(published: Published) -> Published:
    record = replace(published.vectors[-1], offset=99, value=encode(article(20)))
    return replace(published, vectors=(*published.vectors, record))


def rejected_article_is_in_a_story(published: Published) -> Published:
    letter = dead_letter(Rejection(published.vectors[0], "a reason"), topic="news.dead-letters", service="clusterer")
    return replace(published, dead_letters=(Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers),))


@pytest.mark.parametrize(
    ("corruption", "complaint"),
    [
        (story_counts_one_more, "sum of article counts"),
        (story_says(report_count=1), "reports"),
        (story_says(outlets={"Outlet 0": 9}), "outlets"),
        (story_says(leanings={}), "leanings"),
        (story_says(title="Another"), "title"),
        (story_says(articles=()), "omitted"),
        (story_says(version=1), "version of the last update"),
        (story_says(merged_into="st-nowhere"), "merged into st-nowhere"),
        (history_lacks_an_entry, "history"),
        (history_has_another_count, "history"),
        (story_is_missing, "story ids"),
        (update_is_missing, "comes after"),
        (last_update_is_missing, "live articles"),
        (update_is_repeated, "comes after 1 updates"),
        (survivor_forgets_whom_it_took_in, "which does not know it"),
        (updates_change_places, "comes after"),
        (created_twice, "is of kind created"),
        (member_is_elsewhere, "memberships"),
        (member_has_another_outlet, "outlets"),
        (member_copies_a_stranger, "which is no report of this story"),
        (membership_is_missing, "memberships"),
        (vector_is_missing, "vector number 0"),
        (vector_is_repeated, "vector number 16"),
        (vectors_change_places, "vector number 0"),
        (article_was_never_clustered, "live articles"),
        (rejected_article_is_in_a_story, "live articles"),
    ],
)
def test_a_corruption_is_noticed(corruption: Corruption, complaint: str) -> None:
    published = a_busy_week()
    assert problems(published) == []

    found = problems(corruption(published))

    assert any(complaint in problem for problem in found), found
