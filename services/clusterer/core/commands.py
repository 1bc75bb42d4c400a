"""Apply the commands of operators to the stories of an edition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

import msgspec

from newsloom.contracts.command import (
    CommandRef,
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
    command_ref,
)
from newsloom.contracts.membership import Decision, Membership, MergeDecision, Verdict
from newsloom.contracts.story import KEPT_APART_MAX, Cause, StoryState, UpdateKind
from services.clusterer.core.copy_detection import find_original
from services.clusterer.core.edition import EditionState
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.features import stored_features
from services.clusterer.core.separation import has_room, kept_apart_and, kept_apart_of_both, open_kept_apart
from services.clusterer.core.story import LiveStory


class CommandRefused(UnusableEvent):
    """A command that the current stories do not allow. The message says why; nothing has changed."""


def apply_command(command: StoryCommand, edition: EditionState) -> None:
    """Apply a command and publish what it changes.

    Raises:
        CommandRefused: a story or an article is unknown, a story is not open, or the command does not fit them.

    """
    ref = command_ref(command)
    match command:
        case MergeStories():
            _merge(_open_story(edition, command.story_id), _open_story(edition, command.other_story_id), ref, edition)
        case SplitStory():
            _split(_open_story(edition, command.story_id), command.article_ids, ref, edition)
        case MoveArticle():
            _move(command.article_id, _open_story(edition, command.story_id), ref, edition)
        case PinStory():
            _pin(_open_story(edition, command.story_id), ref, edition)
        case UnpinStory():
            _unpin(_open_story(edition, command.story_id), ref, edition)
        case _:
            assert_never(command)


def _merge(one: LiveStory, other: LiveStory, ref: CommandRef, edition: EditionState) -> None:
    if one is other:
        raise CommandRefused(f"story {one.id} cannot be merged with itself")
    survivor, absorbed = sorted((one, other), key=LiveStory.seniority)
    own = sorted(survivor.members.values(), key=lambda member: member.sequence)
    _absorb(survivor, absorbed, ref, edition)
    # Mark the survivor's own articles too: a correction must not take an article of either side out again.
    for member in own:
        edition.set_placed_by(member.article_id, ref)


def _absorb(survivor: LiveStory, absorbed: LiveStory, ref: CommandRef, edition: EditionState) -> None:
    _check_room(survivor, kept_apart_of_both(survivor, absorbed, edition.stories))
    edition.merge_stories(survivor, absorbed, MergeDecision(from_story_id=absorbed.id, command=ref))


def _split(old: LiveStory, named: Iterable[str], ref: CommandRef, edition: EditionState) -> None:
    article_ids = tuple(dict.fromkeys(named))
    for article_id in article_ids:
        current = _story_of(edition, article_id)
        if current is not old:
            raise CommandRefused(f"article {article_id!r} is in story {current.id}, not in {old.id}")
    if len(article_ids) == old.article_count:
        raise CommandRefused(f"story {old.id} has no other articles: a split must leave at least one")
    # The id of the new story is not known before it is created; the empty id has the same effect here.
    for story in (old, *(edition.stories[other] for other in open_kept_apart(old, edition.stories))):
        _check_room(story, kept_apart_and(story, "", edition.stories))
    leaving = [old.members[article_id] for article_id in article_ids]
    new = edition.create_story(min(leaving, key=lambda member: member.sequence))
    _transfer(leaving, new, ref, edition)
    neighbours = edition.record_split(old, new)
    edition.publish(old, UpdateKind.SPLIT, Cause.COMMAND, article_ids=article_ids, command=ref)
    edition.publish(new, UpdateKind.CREATED, Cause.COMMAND, article_ids=article_ids, command=ref)
    for neighbour in neighbours:
        edition.publish(neighbour, UpdateKind.UPDATED, Cause.COMMAND, command=ref)


def _move(article_id: str, target: LiveStory, ref: CommandRef, edition: EditionState) -> None:
    source = _story_of(edition, article_id)
    if source is target:
        raise CommandRefused(f"article {article_id!r} is in story {target.id} already")
    _check_open(source, f"article {article_id!r} is in story {source.id}, which")
    if source.article_count == 1:
        # Merge instead of leaving an empty story, so that the source's id leads to the target.
        _absorb(target, source, ref, edition)
        return
    for one, other in ((source, target), (target, source)):
        _check_room(one, kept_apart_and(one, other.id, edition.stories))
    _transfer([source.members[article_id]], target, ref, edition)
    edition.keep_apart(source, target)
    moved = target.members[article_id]
    edition.publish(source, UpdateKind.MOVED, Cause.COMMAND, article=moved, command=ref)
    edition.publish(target, UpdateKind.MOVED, Cause.COMMAND, article=moved, command=ref)


def _pin(story: LiveStory, ref: CommandRef, edition: EditionState) -> None:
    if story.pinned is not None:
        raise CommandRefused(f"story {story.id} is pinned already, by {story.pinned.by}")
    edition.set_pinned(story, ref)
    edition.publish(story, UpdateKind.UPDATED, Cause.COMMAND, command=ref)


def _unpin(story: LiveStory, ref: CommandRef, edition: EditionState) -> None:
    if story.pinned is None:
        raise CommandRefused(f"story {story.id} is not pinned")
    edition.set_pinned(story, None)
    edition.publish(story, UpdateKind.UPDATED, Cause.COMMAND, command=ref)


def _transfer(leaving: Sequence[Membership], target: LiveStory, ref: CommandRef, edition: EditionState) -> None:
    """Move articles of one story into another, and keep one report per text on either side.

    Copies that stay behind follow the first of themselves. Copies that leave follow their original if it leaves too or is
    in the target, else the first of themselves.
    """
    # Detach copies first: when their original is detached, the copies left in the story are those that stay.
    for member in sorted(leaving, key=lambda member: (member.copy_of is None, member.sequence)):
        edition.detach_article(member.article_id)
    originals: dict[str, str] = {}
    for member in sorted(leaving, key=lambda member: (member.copy_of is not None, member.sequence)):
        text = member.group
        if text not in originals:
            representation = edition.indexes.represent(stored_features(member))
            originals[text] = find_original(target, edition, representation) or member.article_id
        transferred = msgspec.structs.replace(
            member,
            story_id=target.id,
            decision=Decision(verdict=Verdict.COMMANDED),
            copy_of=originals[text] if originals[text] != member.article_id else None,
            merge=None,
            placed_by=ref,
        )
        edition.add_article(target, transferred)


def _open_story(edition: EditionState, story_id: str) -> LiveStory:
    story = edition.stories.get(story_id)
    if story is None:
        raise CommandRefused(f"there is no story {story_id!r} in edition {edition.name!r}")
    _check_open(story, f"story {story_id}")
    return story


def _story_of(edition: EditionState, article_id: str) -> LiveStory:
    story = edition.story_of(article_id)
    if story is None:
        raise CommandRefused(f"there is no article {article_id!r} in edition {edition.name!r}")
    return story


def _check_open(story: LiveStory, subject: str) -> None:
    if story.state is StoryState.MERGED:
        raise CommandRefused(f"{subject} was merged into story {story.merged_into}: use that story")
    if not story.is_open:
        raise CommandRefused(f"{subject} is closed: only open stories can be corrected")


def _check_room(story: LiveStory, kept_apart: Iterable[str]) -> None:
    if not has_room(kept_apart):
        raise CommandRefused(f"story {story.id} would have to be kept apart from more than {KEPT_APART_MAX} others")
