"""What holds for every command, among whatever else comes."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from hypothesis import given, settings

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import Cause, StoryState, StoryUpdate, UpdateKind
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.engine import Engine
from tests.laws.command_streams import Input, RandomCommand, apply_event, commanded_streams, contested_streams
from tests.laws.test_engine import PARAMETERS, fresh_engine

EAGER = msgspec.structs.replace(PARAMETERS, merge_bar=0.05)
"""With these an engine merges whatever it looks at twice."""


@dataclass
class Ledger:
    """What an operator has said, by the letter of the published updates alone."""

    homes: dict[str, str] = field(default_factory=dict)
    placed: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    apart: set[frozenset[str]] = field(default_factory=set)

    def take(self, update: StoryUpdate) -> None:
        absorbed = update.kind is UpdateKind.MERGED and update.state is StoryState.MERGED
        if update.cause is Cause.COMMAND:
            self._obey(update, absorbed=absorbed)
        else:
            self._compare(update, absorbed=absorbed)
        if absorbed:
            assert update.merged_into is not None
            self._follow(update.story_id, update.merged_into)
        if update.article is not None:
            self._place(update.article.id, update)

    def _obey(self, update: StoryUpdate, *, absorbed: bool) -> None:
        assert update.command is not None
        if update.kind is UpdateKind.SPLIT:
            old, new = update.story_id, update.split_into[-1]
            self.placed.update(update.article_ids)
            self.homes.update(dict.fromkeys(update.article_ids, new))
            self.apart |= {frozenset((new, *(pair - {old}))) for pair in self.apart if old in pair} | {
                frozenset((old, new))
            }
        elif update.kind is UpdateKind.MOVED:
            assert update.article is not None
            self.placed.add(update.article.id)
            # The first of the two updates is the old home's.
            self.apart |= {frozenset((update.story_id, self.homes[update.article.id]))} - {
                frozenset((update.story_id,))
            }
        elif absorbed:
            assert update.merged_into is not None
            # Who merges two stories says that all their articles are one story's; who moves a last article, where that one is.
            said = (
                {update.story_id, update.merged_into} if update.command.kind is CommandKind.MERGE else {update.story_id}
            )
            self.placed |= {article for article, home in self.homes.items() if home in said}
            self.apart.discard(frozenset((update.story_id, update.merged_into)))
        elif update.command.kind is CommandKind.PIN:
            self.pinned.add(update.story_id)
        elif update.command.kind is CommandKind.UNPIN:
            self.pinned.discard(update.story_id)

    def _compare(self, update: StoryUpdate, *, absorbed: bool) -> None:
        """What the engine itself does leaves alone what was commanded."""
        assert update.command is None
        if update.kind is UpdateKind.MERGED:
            assert update.story_id not in self.pinned
        if absorbed:
            assert frozenset((update.story_id, str(update.merged_into))) not in self.apart
        if update.cause is Cause.CORRECTION and update.kind is not UpdateKind.UPDATED:
            assert update.article is not None
            assert update.article.id not in self.placed
            home = str(self.homes.get(update.article.id))
            assert home not in self.pinned
            assert frozenset((home, update.story_id)) not in self.apart

    def _follow(self, absorbed: str, survivor: str) -> None:
        self.homes = {article: survivor if home == absorbed else home for article, home in self.homes.items()}
        self.apart = {frozenset(survivor if one == absorbed else one for one in pair) for pair in self.apart}
        if absorbed in self.pinned:
            self.pinned.add(survivor)

    def _place(self, article_id: str, update: StoryUpdate) -> None:
        if update.cause is Cause.RETRACTION:
            self.homes.pop(article_id, None)
            self.placed.discard(article_id)
        else:
            self.homes[article_id] = update.story_id


@given(commanded_streams | contested_streams)
@settings(max_examples=100)
def test_the_engine_never_undoes_a_command(events: list[Input]) -> None:
    engine, ledger = fresh_engine(EAGER), Ledger()
    for event in events:
        changes = apply_event(engine, event)
        for update in changes.updates:
            ledger.take(update)
        forgotten = {story_id for story_id in changes.stories if engine.story(story_id) is None}
        ledger.homes = {article: home for article, home in ledger.homes.items() if home not in forgotten}
        ledger.placed &= set(ledger.homes)
        assert {article for article, home in ledger.homes.items() if engine.edition.articles[article] != home} == set()
        standing = {story.id for story in engine.edition.open_stories()}
        assert {story.id for story in engine.edition.open_stories() if story.pinned} == ledger.pinned & standing
        kept = {frozenset((story.id, other)) for story in engine.edition.open_stories() for other in story.kept_apart}
        assert {pair for pair in ledger.apart if pair <= standing} == {pair for pair in kept if pair <= standing}


@given(commanded_streams)
def test_commands_conserve_articles(events: list[Input]) -> None:
    engine = fresh_engine()
    for event in events:
        before = set(engine.edition.articles)
        changes = apply_event(engine, event)
        if isinstance(event, RandomCommand):
            assert set(engine.edition.articles) == before
            assert not changes.updates or changes.updates[0].cause is Cause.COMMAND


@given(commanded_streams)
def test_a_refused_command_changes_nothing(events: list[Input]) -> None:
    engine, same = fresh_engine(), fresh_engine()
    for event in events:
        changes = apply_event(engine, event)
        if changes != StoryChanges() or not isinstance(event, RandomCommand):
            assert apply_event(same, event) == changes
    assert _states(same) == _states(engine)


def _states(engine: Engine) -> dict[str, object]:
    return {story_id: engine.story(story_id) for story_id in engine.edition.stories}
