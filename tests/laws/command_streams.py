"""Random streams with an operator between them, who names stories and articles as they stand when the command comes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from newsloom.contracts.command import (
    CommandKind,
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
)
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.commands import CommandRefused
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from tests.laws.streams import EDITION, START, Event, article, articles, in_time, later_articles, retractions

T = TypeVar("T")


class RandomCommand(NamedTuple):
    """A command before it is known what there is: places in the list of stories, and in that of articles."""

    kind: CommandKind
    story: int
    other: int
    articles: tuple[int, ...]
    any_state: bool


Input = Event | RandomCommand


def command(wish: RandomCommand, edition: EditionState, command_id: str = "c-1") -> StoryCommand | None:
    """What the wish comes to among the stories as they stand; None where there is none."""
    stories = sorted(edition.stories if wish.any_state else (story.id for story in edition.open_stories()))
    if not stories:
        return None
    story_id = _at(stories, wish.story)
    given: dict[str, Any] = {
        "command_id": command_id,
        "edition": EDITION,
        "by": "Jane",
        "why": "I say so",
        "issued_at": START,
    }
    match wish.kind:
        case CommandKind.MERGE:
            return MergeStories(story_id=story_id, other_story_id=_at(stories, wish.other), **given)
        case CommandKind.SPLIT:
            inside = sorted(edition.stories[story_id].members) or ["none"]
            return SplitStory(
                story_id=story_id, article_ids=tuple(_at(inside, place) for place in wish.articles), **given
            )
        case CommandKind.MOVE:
            return MoveArticle(
                article_id=_at(sorted(edition.articles) or ["none"], wish.articles[0]), story_id=story_id, **given
            )
        case CommandKind.PIN:
            return PinStory(story_id=story_id, **given)
        case CommandKind.UNPIN:
            return UnpinStory(story_id=story_id, **given)


def _at(values: Sequence[T], place: int) -> T:
    return values[place % len(values)]


def apply_event(engine: Engine, event: Input) -> StoryChanges:
    """What the event changes; nothing, if it is a command that is refused."""
    taken = command(event, engine.edition) if isinstance(event, RandomCommand) else event
    try:
        return engine.apply(taken) if taken is not None else StoryChanges()
    except CommandRefused:
        assert engine.edition.changes == StoryChanges()
        return StoryChanges()


_places = st.integers(0, 40)
wishes = st.builds(
    RandomCommand,
    st.sampled_from(CommandKind),
    _places,
    _places,
    st.lists(_places, min_size=1, max_size=3).map(tuple),
    st.integers(0, 9).map(lambda number: number == 0),
)

commanded_streams: st.SearchStrategy[list[Input]] = st.lists(
    st.one_of(later_articles, later_articles, later_articles, later_articles, wishes, retractions),
    min_size=10,
    max_size=40,
).map(in_time) | st.lists(st.one_of(articles, articles, articles, wishes, wishes, retractions), max_size=60)

_few_articles = st.builds(
    article,
    st.integers(0, 9),
    subject=st.integers(0, 1),
    wobble=st.integers(0, 4),
    hour=st.integers(0, 24).map(float),
    text=st.none() | st.integers(0, 2),
    revision=st.integers(0, 2),
)
contested_streams: st.SearchStrategy[list[Input]] = st.lists(
    st.one_of(_few_articles, _few_articles, wishes), min_size=20, max_size=40
)
"""Few articles that are corrected again and again, of two subjects in one day: the engine would have much to change."""
