"""Laws of commands, in streams of other events."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import Cause, StoryState, StoryUpdate, UpdateKind
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.engine import Engine
from tests.laws.command_streams import (
    RandomCommand,
    StreamItem,
    apply_event,
    streams_of_corrections,
    streams_with_commands,
)
from tests.laws.test_engine import PARAMETERS, fresh_engine

EAGER = msgspec.structs.replace(PARAMETERS, merge_bar=0.05)
"""An engine with these merges almost any two stories it compares."""


@dataclass
class CommandModel:
    """What commands have fixed, derived from published updates alone."""

    story_ids: dict[str, str] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    apart: set[frozenset[str]] = field(default_factory=set)

    def apply(self, update: StoryUpdate) -> None:
        absorbed = update.kind is UpdateKind.MERGED and update.state is StoryState.MERGED
        if update.cause is Cause.COMMAND:
            self._apply_command(update, absorbed=absorbed)
        else:
            self._check_engine(update, absorbed=absorbed)
        if absorbed:
            assert update.merged_into is not None
            self._merge(update.story_id, update.merged_into)
        if update.article is not None:
            self._move_article(update.article.id, update)

    def _apply_command(self, update: StoryUpdate, *, absorbed: bool) -> None:
        assert update.command is not None
        if update.kind is UpdateKind.SPLIT:
            old, new = update.story_id, update.split_into[-1]
            self.placed.update(update.article_ids)
            self.story_ids.update(dict.fromkeys(update.article_ids, new))
            self.apart |= {frozenset((new, *(pair - {old}))) for pair in self.apart if old in pair} | {
                frozenset((old, new))
            }
        elif update.kind is UpdateKind.MOVED:
            assert update.article is not None
            self.placed.add(update.article.id)
            # The first of the two updates is that of the old story.
            self.apart |= {frozenset((update.story_id, self.story_ids[update.article.id]))} - {
                frozenset((update.story_id,))
            }
        elif absorbed:
            assert update.merged_into is not None
            # A merge places the articles of both stories; moving a last article places that one alone.
            stories = (
                {update.story_id, update.merged_into} if update.command.kind is CommandKind.MERGE else {update.story_id}
            )
            self.placed |= {article for article, story_id in self.story_ids.items() if story_id in stories}
            self.apart.discard(frozenset((update.story_id, update.merged_into)))
        elif update.command.kind is CommandKind.PIN:
            self.pinned.add(update.story_id)
        elif update.command.kind is CommandKind.UNPIN:
            self.pinned.discard(update.story_id)

    def _check_engine(self, update: StoryUpdate, *, absorbed: bool) -> None:
        """Check that an update by the engine itself undoes no command."""
        assert update.command is None
        if update.kind is UpdateKind.MERGED:
            assert update.story_id not in self.pinned
        if absorbed:
            assert frozenset((update.story_id, str(update.merged_into))) not in self.apart
        if update.cause is Cause.CORRECTION and update.kind is not UpdateKind.UPDATED:
            assert update.article is not None
            assert update.article.id not in self.placed
            story_id = str(self.story_ids.get(update.article.id))
            assert story_id not in self.pinned
            assert frozenset((story_id, update.story_id)) not in self.apart

    def _merge(self, absorbed: str, survivor: str) -> None:
        self.story_ids = {
            article: survivor if story_id == absorbed else story_id for article, story_id in self.story_ids.items()
        }
        self.apart = {frozenset(survivor if one == absorbed else one for one in pair) for pair in self.apart}
        if absorbed in self.pinned:
            self.pinned.add(survivor)

    def _move_article(self, article_id: str, update: StoryUpdate) -> None:
        if update.cause is Cause.RETRACTION:
            self.story_ids.pop(article_id, None)
            self.placed.discard(article_id)
        else:
            self.story_ids[article_id] = update.story_id


@given(streams_with_commands | streams_of_corrections)
@settings(max_examples=100)
def test_the_engine_never_undoes_a_command(events: list[StreamItem]) -> None:
    engine, model = fresh_engine(EAGER), CommandModel()
    for event in events:
        changes = apply_event(engine, event)
        for update in changes.updates:
            model.apply(update)
        forgotten = {story_id for story_id in changes.stories if engine.story(story_id) is None}
        model.story_ids = {
            article: story_id for article, story_id in model.story_ids.items() if story_id not in forgotten
        }
        model.placed &= set(model.story_ids)
        assert {
            article for article, story_id in model.story_ids.items() if engine.edition.articles[article] != story_id
        } == set()
        open_ids = {story.id for story in engine.edition.open_stories()}
        assert {story.id for story in engine.edition.open_stories() if story.pinned} == model.pinned & open_ids
        kept = {frozenset((story.id, other)) for story in engine.edition.open_stories() for other in story.kept_apart}
        assert {pair for pair in model.apart if pair <= open_ids} == {pair for pair in kept if pair <= open_ids}


@given(streams_with_commands)
def test_commands_conserve_articles(events: list[StreamItem]) -> None:
    engine = fresh_engine()
    for event in events:
        before = set(engine.edition.articles)
        changes = apply_event(engine, event)
        if isinstance(event, RandomCommand):
            assert set(engine.edition.articles) == before
            assert not changes.updates or changes.updates[0].cause is Cause.COMMAND


@given(streams_with_commands)
def test_a_refused_command_changes_nothing(events: list[StreamItem]) -> None:
    engine, same = fresh_engine(), fresh_engine()
    for event in events:
        changes = apply_event(engine, event)
        if changes != StoryChanges() or not isinstance(event, RandomCommand):
            assert apply_event(same, event) == changes
    assert _states(same) == _states(engine)


def _states(engine: Engine) -> dict[str, object]:
    return {story_id: engine.story(story_id) for story_id in engine.edition.stories}
