"""The bookkeeper's second book: what operators have said, and whether it was done and has lasted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newsloom.contracts.codec import decode_command
from newsloom.contracts.command import (
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
    command_ref,
)
from newsloom.contracts.story import Cause, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.streaming.records import Record


def command_problems(commands: Iterable[Record], updates: Iterable[StoryUpdate]) -> Iterator[str]:
    """Every command that was not rejected was carried out as it says; nothing else was done in its name."""
    told: dict[str, list[StoryUpdate]] = {}
    for update in updates:
        if (update.cause is Cause.COMMAND) != (update.command is not None):
            yield f"{update.story_id} version {update.version} is caused by {update.cause.value}, and by {update.command}"
        if update.command is not None:
            told.setdefault(update.command.id, []).append(update)
    for record in commands:
        command = decode_command(record.value or b"")
        done = told.pop(command.command_id, [])
        if not _is_done(command, done):
            yield f"command {command.command_id} was not carried out as it says: {done!r:.300}"
        if any(update.command != command_ref(command) for update in done):
            yield f"command {command.command_id} is told otherwise than it was given"
    for command_id in told:
        yield f"command {command_id} was carried out, and never given"


def _is_done(command: StoryCommand, done: list[StoryUpdate]) -> bool:
    match command:
        case MergeStories():
            merged = {update.story_id for update in done if update.kind is UpdateKind.MERGED}
            return merged == {command.story_id, command.other_story_id}
        case SplitStory():
            halves = [update for update in done if update.kind in {UpdateKind.SPLIT, UpdateKind.CREATED}]
            named = [set(update.article_ids) == set(command.article_ids) for update in halves]
            return named == [True, True] and halves[1].split_from == halves[0].story_id == command.story_id
        case MoveArticle():
            arrivals = [update for update in done if update.story_id == command.story_id]
            return [update.kind for update in arrivals] in ([UpdateKind.MOVED], [UpdateKind.MERGED])
        case PinStory() | UnpinStory():
            pinned = isinstance(command, PinStory)
            return [(update.story_id, update.pinned is not None) for update in done] == [(command.story_id, pinned)]


def undoing_problems(before: StoryUpdate | None, update: StoryUpdate, placed: set[tuple[str, str]]) -> Iterator[str]:
    """What the engine does by itself leaves alone what was commanded; `placed` are the articles that a command has put."""
    if update.cause is Cause.COMMAND or before is None:
        return
    name = f"{update.story_id} version {update.version}"
    if update.kind is UpdateKind.MERGED and before.pinned is not None:
        yield f"{name} was merged, and is pinned"
    if update.merged_into in before.kept_apart and update.merged_into is not None:
        yield f"{name} went into {update.merged_into}, from which it is kept apart"
    if update.article is not None and update.kind is UpdateKind.MOVED and (update.edition, update.article.id) in placed:
        yield f"{name}: article {update.article.id} was moved, and a command had put it"


def standing_problems(story: Story, stories: dict[str, Story]) -> Iterator[str]:
    """Splits, and stories kept apart, are told on both sides."""
    origin = stories.get(story.split_from or "")
    if story.split_from is not None and (origin is None or story.id not in origin.split_into):
        yield f"story {story.id} was split from {story.split_from}, which does not know it"
    for part in story.split_into:
        if part not in stories or stories[part].split_from != story.id:
            yield f"story {story.id} was split into {part}, which does not know it"
    for other in story.kept_apart if story.state is StoryState.OPEN else ():
        if other not in stories:
            yield f"story {story.id} is kept apart from {other}, which is not there"
        elif stories[other].state is StoryState.OPEN and story.id not in stories[other].kept_apart:
            yield f"story {story.id} is kept apart from {other}, which does not know it"
