"""Checks that each command of an operator was carried out."""

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
from services.verifier.topic_contents import TopicContents


def check_commands(contents: TopicContents, findings: Findings) -> None:
    """Check that every accepted command was carried out as issued, and that updates name no other command."""
    updates = _updates_by_command(contents, findings)
    unknown = 0
    for record in contents.accepted():
        if record.command is not None:
            findings.checked[Invariant.COMMANDS] += 1
            of_command = updates.pop(record.command.command_id, [])
            unknown += not _check_command(record.command, of_command, contents, findings)
    if contents.truncated_partitions(ARTICLE_VECTORS):
        unknown += len(updates)
    else:
        for command_id in updates:
            findings.add(Invariant.COMMANDS, f"command {command_id} was carried out, but never issued")
    if unknown:
        findings.unchecked.append(f"{unknown} commands: retention has deleted the command or one of its updates")


def _updates_by_command(contents: TopicContents, findings: Findings) -> defaultdict[str, list[StoryUpdate]]:
    """Return the updates that name a command, by command id."""
    updates: defaultdict[str, list[StoryUpdate]] = defaultdict(list)
    for position, update, *_ in contents.updates:
        if (update.cause is Cause.COMMAND) != (update.command is not None):
            name = f"{update.story_id} version {update.version} ({position})"
            findings.add(Invariant.COMMANDS, f"{name} has cause {update.cause.value} and command {update.command}")
        if update.command is not None:
            updates[update.command.id].append(update)
    return updates


def _check_command(
    command: StoryCommand, updates: list[StoryUpdate], contents: TopicContents, findings: Findings
) -> bool:
    """Return False if retention has deleted updates that would be needed to check it."""
    name = f"command {command.command_id}"
    if any(update.command != command_ref(command) for update in updates):
        findings.add(Invariant.COMMANDS, f"{name} differs from the command that its updates name")
    if _is_carried_out(command, updates):
        return True
    if contents.truncated_partitions(STORY_UPDATES):
        return False
    findings.add(Invariant.COMMANDS, f"{name} was not carried out as issued; its updates: {updates!r:.300}")
    return True


def _is_carried_out(command: StoryCommand, updates: list[StoryUpdate]) -> bool:
    match command:
        case MergeStories():
            merged = {update.story_id for update in updates if update.kind is UpdateKind.MERGED}
            return merged == {command.story_id, command.other_story_id}
        case SplitStory():
            old = [update for update in updates if update.kind is UpdateKind.SPLIT]
            new = [update for update in updates if update.kind is UpdateKind.CREATED]
            same_articles = [set(update.article_ids) == set(command.article_ids) for update in (*old, *new)]
            return same_articles == [True, True] and new[0].split_from == old[0].story_id == command.story_id
        case MoveArticle():
            arrivals = [update for update in updates if update.story_id == command.story_id]
            return [update.kind for update in arrivals] in ([UpdateKind.MOVED], [UpdateKind.MERGED])
        case PinStory() | UnpinStory():
            pinned = isinstance(command, PinStory)
            return [(update.story_id, update.pinned is not None) for update in updates] == [(command.story_id, pinned)]
