"""Replay each story's updates in order: its last version, its history, and the changes to its set of articles.

A replay uses only the updates of the story and of the stories merged into it, so the result does not depend on how updates
are spread over partitions: only the order within a story counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from newsloom.contracts.command import CommandKind
from newsloom.contracts.limits import truncate
from newsloom.contracts.story import (
    HISTORY_MAX,
    HISTORY_TITLE_BYTES_MAX,
    TITLE_LISTED_MAX,
    Cause,
    HistoryEntry,
    StoryState,
    StoryUpdate,
    UpdateKind,
)
from newsloom.streaming.records import PartitionOffset
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import DecodedRecord


class Effect(Enum):
    """What an update does to the set of a story's articles."""

    JOIN = "joins"
    LEAVE = "leaves"
    STAY = "stays"
    ABSORB = "absorbs"


class MemberChange(NamedTuple):
    """One update's change of a story's articles. `ids` are article ids; for `ABSORB`, the id of the story merged into this one.

    `article_count` is the count after the change; `command` is the kind of the command that caused it, if one did.
    """

    version: int
    article_count: int
    effect: Effect
    ids: tuple[str, ...]
    command: CommandKind | None
    kind: UpdateKind


@dataclass(slots=True)
class ReplayedStory:
    """A story as its updates describe it.

    `is_complete` is whether every update exists from version 1, here and in every story merged into this one; if not, some
    of its articles are unknown. `articles` says of each article id whether a command assigned it to the story; they are
    those after the last update, or before it if the story was merged into another. `articles_known` is set when they have been
    computed.
    """

    story_id: str
    is_complete: bool
    first: StoryUpdate
    first_position: PartitionOffset
    last: StoryUpdate
    last_timestamp_ms: int = 0
    changes: list[MemberChange] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    articles: dict[str, bool] = field(default_factory=dict)
    articles_known: bool = False


def replay_updates(
    updates: Iterable[DecodedRecord[StoryUpdate]], truncated: set[int], findings: Findings
) -> dict[str, ReplayedStory]:
    """Return the stories by id, `articles` still empty (see `replay_members`). `truncated` are partitions of the updates."""
    stories: dict[str, ReplayedStory] = {}
    for position, update, _, timestamp_ms in updates:
        name = f"{update.story_id} version {update.version} ({position})"
        story = stories.get(update.story_id)
        if story is None:
            is_complete = update.version == 1
            story = stories[update.story_id] = ReplayedStory(update.story_id, is_complete, update, position, update)
            if not is_complete and position.partition not in truncated:
                findings.add(Invariant.VERSIONS, f"{name}: expected version 1 as the story's first update")
        else:
            _check_continues(story, update, position, name, findings)
        _apply(story, update, name, findings)
        story.last_timestamp_ms = timestamp_ms
    return stories


def _check_continues(
    story: ReplayedStory, update: StoryUpdate, position: PartitionOffset, name: str, findings: Findings
) -> None:
    last, partition, edition = story.last, story.first_position.partition, story.first.edition
    findings.expect(Invariant.VERSIONS, f"{name}: partition", partition, position.partition)
    findings.expect(Invariant.VERSIONS, f"{name}: version", last.version + 1, update.version)
    findings.expect(Invariant.EDITIONS, f"{name}: edition", edition, update.edition)
    findings.expect(Invariant.CHANGES, f"{name}: article_count_before", last.article_count, update.article_count_before)
    if last.state is not StoryState.OPEN and update.state is not last.state:
        findings.add(Invariant.CHANGES, f"{name}: state changed from {last.state.value} to {update.state.value}")
    joins_closed = last.state is not StoryState.OPEN and update.cause is Cause.ARTICLE
    findings.expect(Invariant.CHANGES, f"{name}: late", joins_closed, update.late)
    if update.cause is not Cause.COMMAND:
        _check_not_reversed(last, update, name, findings)


def _check_not_reversed(last: StoryUpdate, update: StoryUpdate, name: str, findings: Findings) -> None:
    """Check that a change made without a command respects earlier commands."""
    if update.kind is UpdateKind.MERGED and last.pinned is not None:
        findings.add(Invariant.COMMANDS, f"{name} was merged although it is pinned")
    if update.merged_into is not None and update.merged_into in last.kept_apart:
        findings.add(Invariant.COMMANDS, f"{name} was merged into {update.merged_into}, from which it is kept apart")


def _apply(story: ReplayedStory, update: StoryUpdate, name: str, findings: Findings) -> None:
    findings.checked[Invariant.VERSIONS] += 1
    before = update.article_count_before
    if (update.kind is UpdateKind.CREATED) != (update.version == 1):
        findings.add(Invariant.CHANGES, f"{name} has the kind {update.kind.value}")
    if update.version == 1:
        findings.expect(Invariant.CHANGES, f"{name}: article_count_before", 0, before)
    story.last = update
    if (change := _member_change(update)) is not None:
        story.changes.append(change)
    elif update.state is StoryState.MERGED:
        findings.expect(Invariant.CHANGES, f"{name}: article_count of a merged story", 0, update.article_count)
    else:
        what = f"{name}: article_count of an update that moves no article"
        findings.expect(Invariant.CHANGES, what, before, update.article_count)
    if update.article_count != before:
        _extend(story.history, update)


def _member_change(update: StoryUpdate) -> MemberChange | None:
    command = update.command.kind if update.command is not None else None

    def change(effect: Effect, ids: tuple[str, ...]) -> MemberChange:
        return MemberChange(update.version, update.article_count, effect, ids, command, update.kind)

    if update.kind is UpdateKind.MERGED and update.state is not StoryState.MERGED:
        return change(Effect.ABSORB, update.merged_from[-1:])
    if update.kind is UpdateKind.SPLIT:
        return change(Effect.LEAVE, update.article_ids)
    if update.kind is UpdateKind.CREATED and update.split_from is not None:
        return change(Effect.JOIN, update.article_ids)
    return None if update.article is None else change(_effect_on_article(update), (update.article.id,))


def _effect_on_article(update: StoryUpdate) -> Effect:
    if update.cause is Cause.RETRACTION:
        return Effect.LEAVE
    if update.kind is UpdateKind.MOVED:
        # A move is an update of both stories: the article count of one falls, that of the other rises.
        return Effect.LEAVE if update.article_count < update.article_count_before else Effect.JOIN
    return Effect.STAY if update.cause is Cause.CORRECTION and update.kind is UpdateKind.UPDATED else Effect.JOIN


def _extend(history: list[HistoryEntry], update: StoryUpdate) -> None:
    """Add the update; thin the history by the rule in the docstring of `Story`, with exact ratios."""
    history.append(
        HistoryEntry(
            version=update.version,
            at=update.at,
            article_count=update.article_count,
            title=history_title(update.title),
            kind=update.kind,
            cause=update.cause,
        )
    )
    if len(history) > HISTORY_MAX:
        inner = range(len(history) - 2, 0, -1)
        del history[min(inner, key=lambda index: _ratio(history[index - 1], history[index + 1]))]


def history_title(title: str) -> str:
    """Return a title truncated as a history has it."""
    return truncate(title[:TITLE_LISTED_MAX], bytes_max=HISTORY_TITLE_BYTES_MAX)


def _ratio(one: HistoryEntry, other: HistoryEntry) -> Fraction:
    low, high = sorted((one.article_count + 1, other.article_count + 1))
    return Fraction(high, low)
