"""What operators have said, and whether it was done."""

from __future__ import annotations

from collections import defaultdict

from newsloom.contracts.command import (
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
    command_ref,
)
from newsloom.contracts.story import Cause, StoryUpdate, UpdateKind
from newsloom.contracts.topics import ARTICLE_VECTORS, STORY_UPDATES
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import Books


def check_commands(books: Books, findings: Findings) -> None:
    """Every command that was not rejected was carried out as it says; nothing else was done in its name."""
    told = _told(books, findings)
    unsaid = 0
    for one in books.accepted():
        if one.command is not None:
            findings.examined[Invariant.COMMANDS] += 1
            unsaid += _check_command(one.command, told.pop(one.command.command_id, []), books, findings)
    if books.is_cut(ARTICLE_VECTORS):
        unsaid += len(told)
    else:
        for command_id in told:
            findings.broken(Invariant.COMMANDS, f"command {command_id} was carried out, and never given")
    if unsaid:
        findings.unchecked.append(f"{unsaid} commands of which retention has taken the command, or an update")


def _told(books: Books, findings: Findings) -> defaultdict[str, list[StoryUpdate]]:
    """The updates that each command has caused, by their own account."""
    told: defaultdict[str, list[StoryUpdate]] = defaultdict(list)
    for place, update, _ in books.updates:
        if (update.cause is Cause.COMMAND) != (update.command is not None):
            name = f"{update.story_id} version {update.version} ({place})"
            findings.broken(Invariant.COMMANDS, f"{name} is caused by {update.cause.value}, and by {update.command}")
        if update.command is not None:
            told[update.command.id].append(update)
    return told


def _check_command(command: StoryCommand, done: list[StoryUpdate], books: Books, findings: Findings) -> bool:
    """Whether nothing can be said of it."""
    name = f"command {command.command_id}"
    if any(update.command != command_ref(command) for update in done):
        findings.broken(Invariant.COMMANDS, f"{name} is told otherwise than it was given")
    if _is_done(command, done):
        return False
    if not books.is_cut(STORY_UPDATES):
        findings.broken(Invariant.COMMANDS, f"{name} was not carried out as it says: {done!r:.300}")
    return books.is_cut(STORY_UPDATES)


def _is_done(command: StoryCommand, done: list[StoryUpdate]) -> bool:
    match command:
        case MergeStories():
            merged = {update.story_id for update in done if update.kind is UpdateKind.MERGED}
            return merged == {command.story_id, command.other_story_id}
        case SplitStory():
            old = [update for update in done if update.kind is UpdateKind.SPLIT]
            new = [update for update in done if update.kind is UpdateKind.CREATED]
            named = [set(update.article_ids) == set(command.article_ids) for update in (*old, *new)]
            return named == [True, True] and new[0].split_from == old[0].story_id == command.story_id
        case MoveArticle():
            arrivals = [update for update in done if update.story_id == command.story_id]
            return [update.kind for update in arrivals] in ([UpdateKind.MOVED], [UpdateKind.MERGED])
        case PinStory() | UnpinStory():
            pinned = isinstance(command, PinStory)
            return [(update.story_id, update.pinned is not None) for update in done] == [(command.story_id, pinned)]
