"""The bookkeeper of the acceptance tests: content with honest books, and with no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given

from newsloom.contracts.codec import encode
from newsloom.contracts.command import CommandKind
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import Story, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.dead_letters import dead_letter
from newsloom.streaming.records import Record
from newsloom.streaming.step import Rejection
from services.clusterer.core.calibration import uncalibrated
from services.clusterer.core.commands import Refused
from services.clusterer.core.edition import Edition
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.acceptance.checker import problems
from tests.acceptance.published import Published
from tests.laws.commanded import Input, Wish, command, commanded_streams, contested_streams
from tests.laws.streams import DIMENSION, EDITION, article

Corruption = Callable[[Published], Published]


PARAMETERS = Parameters(bar_base=0.8, bar_mean=0.0, bar_std=0.0)
"""Vectors of eight dimensions are all alike: a high bar keeps their subjects apart, so that there is something to merge."""


def publish(inputs: Sequence[Input]) -> Published:
    """What an engine publishes of these events and commands, as it would stand on the log; refused commands are left out."""
    engine = Engine(Edition(EDITION, uncalibrated("test", DIMENSION), PARAMETERS))
    updates: list[StoryUpdate] = []
    stories: dict[str, Story] = {}
    memberships: dict[tuple[str, str], Membership] = {}
    events: list[VectorEvent] = []
    for place, one in enumerate(inputs):
        event = command(one, engine.edition, f"c-{place}") if isinstance(one, Wish) else one
        if event is None:
            continue
        try:
            changes = engine.apply(event)
        except Refused:
            continue
        events.append(event)
        updates += changes.updates
        for story_id in changes.stories:
            if (story := engine.story(story_id)) is not None:
                stories[story_id] = story
        for article_id, member in changes.memberships:
            memberships.pop((EDITION, article_id), None)
            if member is not None:
                memberships[EDITION, article_id] = member
    articles, commands = (_given(events, topic) for topic in ("news.articles", "news.story-commands"))
    return Published(articles, _passed(events), (), tuple(updates), stories, memberships, commands)


def _source(event: VectorEvent) -> str:
    return "news.articles" if isinstance(event, ArticleVector | ArticleRetraction) else "news.story-commands"


def _given(events: Sequence[VectorEvent], topic: str) -> tuple[Record, ...]:
    places = [place for place, event in enumerate(events) if _source(event) == topic]
    return tuple(Record(topic, 0, 3 * place, 0, b"", b"") for place in places)


def _passed(events: Sequence[VectorEvent]) -> tuple[Record, ...]:
    return tuple(
        Record(
            "news.article-vectors", 0, place, 0, b"main", encode(event),
            (("ce_id", f"{_source(event)}/0/{3 * place}".encode()),),
        )
        for place, event in enumerate(events)
    )  # fmt: skip


def wish(kind: CommandKind, story: int) -> Wish:
    return Wish(kind, story=story, other=1, articles=(0,), any_state=False)


def a_busy_week() -> Published:
    """Stories that grow, are copied, corrected, emptied, merged, split and closed."""
    events: list[Input] = [
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
        # Whichever they are: what cannot be done is left out.
        *(wish(CommandKind.SPLIT, story) for story in range(4)),
        *(wish(kind, 0) for kind in CommandKind),
        ArticleRetraction(article_id="a6", edition=EDITION),
        ArticleRetraction(article_id="a3", edition=EDITION),
        article(8, subject=4, hour=24 * 20),
        article(12, subject=4, hour=24 * 20),
        wish(CommandKind.SPLIT, 0),
        article(13, subject=4, hour=24 * 20),
    ]
    return publish(events)


def test_the_busy_week_has_everything() -> None:
    published = a_busy_week()
    assert {update.kind for update in published.updates} == set(UpdateKind)
    assert {update.command.kind for update in published.updates if update.command} == set(CommandKind)


@given(commanded_streams | contested_streams)
def test_whatever_the_engine_publishes_is_in_order(events: list[Input]) -> None:
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


def command_is_missing(published: Published) -> Published:
    return replace(published, commands=published.commands[1:])


def rejected_command_was_carried_out(published: Published) -> Published:
    record = next(record for record in published.vectors if b"command_id" in (record.value or b""))
    letter = dead_letter(Rejection(record, "a reason"), topic="news.dead-letters", service="clusterer")
    return replace(published, dead_letters=(Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers),))


def _with_update(published: Published, kind: CommandKind, change: Callable[[StoryUpdate], StoryUpdate]) -> Published:
    updates = list(published.updates)
    place = next(place for place, one in enumerate(updates) if one.command is not None and one.command.kind is kind)
    updates[place] = change(updates[place])
    return replace(published, updates=tuple(updates))


def split_names_another_article(published: Published) -> Published:
    return _with_update(
        published, CommandKind.SPLIT, lambda update: msgspec.structs.replace(update, article_ids=("a1",))
    )


def merge_names_no_command(published: Published) -> Published:
    return _with_update(published, CommandKind.MERGE, lambda update: msgspec.structs.replace(update, command=None))


def command_is_signed_by_another(published: Published) -> Published:
    def forged(update: StoryUpdate) -> StoryUpdate:
        assert update.command is not None
        return msgspec.structs.replace(update, command=msgspec.structs.replace(update.command, by="Nobody"))

    return _with_update(published, CommandKind.PIN, forged)


def half_forgets_where_it_came_from(published: Published) -> Published:
    half = next(story for story in published.stories.values() if story.split_from)
    return _with_story(published, msgspec.structs.replace(half, split_from=None))


def one_side_is_no_longer_kept_apart(published: Published) -> Published:
    stories = published.stories
    pairs = [(stories[other], story) for story in stories.values() for other in story.kept_apart if other in stories]
    one = next(one for one, other in pairs if StoryState.OPEN is one.state is other.state)
    return _with_story(published, msgspec.structs.replace(one, kept_apart=()))


def member_forgets_who_placed_it(published: Published) -> Published:
    article_id, member = next(item for item in published.memberships.items() if item[1].placed_by is not None)
    forgetful = msgspec.structs.replace(member, placed_by=None)
    return replace(published, memberships={**published.memberships, article_id: forgetful})


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
        (vector_is_repeated, "vector number 18"),
        (vectors_change_places, "vector number 0"),
        (article_was_never_clustered, "live articles"),
        (rejected_article_is_in_a_story, "live articles"),
        (command_is_missing, "command number 0"),
        (rejected_command_was_carried_out, "was carried out, and never given"),
        (split_names_another_article, "article a1 is in"),
        (merge_names_no_command, "is caused by command, and by None"),
        (command_is_signed_by_another, "is told otherwise than it was given"),
        (half_forgets_where_it_came_from, "which does not know it"),
        (one_side_is_no_longer_kept_apart, "which does not know it"),
        (member_forgets_who_placed_it, "articles placed by command"),
    ],
)
def test_a_corruption_is_noticed(corruption: Corruption, complaint: str) -> None:
    published = a_busy_week()
    assert problems(published) == []

    found = problems(corruption(published))

    assert any(complaint in problem for problem in found), found
