"""Random streams with commands. A command refers to the stories and articles that exist when it comes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
from tests.laws.streams import EDITION, START, Event, article, articles, delayed_articles, resolve_delays, retractions

T = TypeVar("T")


class RandomCommand(NamedTuple):
    """A command by indices into the lists of stories and articles that exist when it comes."""

    kind: CommandKind
    story: int
    other: int
    articles: tuple[int, ...]
    any_state: bool


StreamItem = Event | RandomCommand


def resolve_command(random: RandomCommand, edition: EditionState, command_id: str = "c-1") -> StoryCommand | None:
    """Return the command for the current stories; None if there are none."""
    stories = sorted(edition.stories if random.any_state else (story.id for story in edition.open_stories()))
    if not stories:
        return None
    story_id = _at(stories, random.story)
    given: dict[str, Any] = {
        "command_id": command_id,
        "edition": EDITION,
        "by": "Jane",
        "why": "I say so",
        "issued_at": START,
    }
    match random.kind:
        case CommandKind.MERGE:
            return MergeStories(story_id=story_id, other_story_id=_at(stories, random.other), **given)
        case CommandKind.SPLIT:
            inside = sorted(edition.stories[story_id].members) or ["none"]
            return SplitStory(
                story_id=story_id, article_ids=tuple(_at(inside, index) for index in random.articles), **given
            )
        case CommandKind.MOVE:
            return MoveArticle(
                article_id=_at(sorted(edition.articles) or ["none"], random.articles[0]), story_id=story_id, **given
            )
        case CommandKind.PIN:
            return PinStory(story_id=story_id, **given)
        case CommandKind.UNPIN:
            return UnpinStory(story_id=story_id, **given)


def _at(values: Sequence[T], index: int) -> T:
    return values[index % len(values)]


def apply_event(engine: Engine, event: StreamItem, arrived_at: datetime | None = None) -> StoryChanges:
    """Apply an event and return its changes; none if it is a command that is refused."""
    resolved = resolve_command(event, engine.edition) if isinstance(event, RandomCommand) else event
    try:
        return engine.apply(resolved, arrived_at) if resolved is not None else StoryChanges()
    except CommandRefused:
        assert engine.edition.changes == StoryChanges()
        return StoryChanges()


_indices = st.integers(0, 40)
commands = st.builds(
    RandomCommand,
    st.sampled_from(CommandKind),
    _indices,
    _indices,
    st.lists(_indices, min_size=1, max_size=3).map(tuple),
    st.integers(0, 9).map(lambda number: number == 0),
)

streams_with_commands: st.SearchStrategy[list[StreamItem]] = st.lists(
    st.one_of(delayed_articles, delayed_articles, delayed_articles, delayed_articles, commands, retractions),
    min_size=10,
    max_size=40,
).map(resolve_delays) | st.lists(st.one_of(articles, articles, articles, commands, commands, retractions), max_size=60)

_few_articles = st.builds(
    article,
    st.integers(0, 9),
    subject=st.integers(0, 1),
    wobble=st.integers(0, 4),
    hour=st.integers(0, 24).map(float),
    text=st.none() | st.integers(0, 2),
    revision=st.integers(0, 2),
)
streams_of_corrections: st.SearchStrategy[list[StreamItem]] = st.lists(
    st.one_of(_few_articles, _few_articles, commands), min_size=20, max_size=40
)
"""A few articles of two subjects on one day, corrected again and again: the engine would move and merge much."""
