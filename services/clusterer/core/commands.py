"""Carrying out what an operator commands."""

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
from newsloom.contracts.story import KEPT_APART_MAX, LINEAGE_MAX, Cause, StoryState, UpdateKind
from services.clusterer.core.copy_detection import find_original
from services.clusterer.core.edition import Edition
from services.clusterer.core.errors import UnusableEvent
from services.clusterer.core.features import stored_features
from services.clusterer.core.separation import branch, has_room, joint, standing, tell_apart, with_one_more
from services.clusterer.core.story import LiveStory


class CommandRefused(UnusableEvent):
    """A command that cannot be carried out as the stories stand; the message says why. Nothing has changed."""


def apply_command(command: StoryCommand, edition: Edition) -> None:
    """Do what the command says, and publish it.

    Raises:
        Refused: the stories or articles are not there, not open, or not as the command takes them to be.

    """
    ref = command_ref(command)
    match command:
        case MergeStories():
            _merge(_open(edition, command.story_id), _open(edition, command.other_story_id), ref, edition)
        case SplitStory():
            _split(_open(edition, command.story_id), command.article_ids, ref, edition)
        case MoveArticle():
            _move(command.article_id, _open(edition, command.story_id), ref, edition)
        case PinStory():
            _pin(_open(edition, command.story_id), ref, edition)
        case UnpinStory():
            _unpin(_open(edition, command.story_id), ref, edition)
        case _:
            assert_never(command)


def _merge(one: LiveStory, other: LiveStory, ref: CommandRef, edition: Edition) -> None:
    if one is other:
        raise CommandRefused(f"story {one.id} cannot be merged with itself")
    survivor, absorbed = sorted((one, other), key=LiveStory.seniority)
    own = sorted(survivor.members.values(), key=lambda member: member.sequence)
    _absorb(survivor, absorbed, ref, edition)
    # Whichever side keeps its id, the two are one: no correction may take an article of either out again.
    for member in own:
        edition.sign(member.article_id, ref)


def _absorb(survivor: LiveStory, absorbed: LiveStory, ref: CommandRef, edition: Edition) -> None:
    _check_room(survivor, joint(survivor, absorbed, edition.stories))
    edition.absorb(survivor, absorbed, MergeDecision(from_story_id=absorbed.id, command=ref))


def _split(old: LiveStory, named: Iterable[str], ref: CommandRef, edition: Edition) -> None:
    article_ids = tuple(dict.fromkeys(named))
    for article_id in article_ids:
        home = _home(edition, article_id)
        if home is not old:
            raise CommandRefused(f"article {article_id!r} is in story {home.id}, not in {old.id}")
    if len(article_ids) == old.article_count:
        raise CommandRefused(f"story {old.id} has no other articles: a split must leave at least one")
    # Its id is not known before it is founded; any other stands for it here.
    for story in (old, *(edition.stories[other] for other in standing(old, edition.stories))):
        _check_room(story, with_one_more(story, "", edition.stories))
    leaving = [old.members[article_id] for article_id in article_ids]
    new = edition.found(min(leaving, key=lambda member: member.sequence))
    _transfer(leaving, new, ref, edition)
    neighbours = branch(new, old, edition.stories)
    new.split_from = old.id
    old.split_into = (*old.split_into, new.id)[-LINEAGE_MAX:]
    edition.publish(old, UpdateKind.SPLIT, Cause.COMMAND, article_ids=article_ids, command=ref)
    edition.publish(new, UpdateKind.CREATED, Cause.COMMAND, article_ids=article_ids, command=ref)
    for neighbour in neighbours:
        edition.publish(neighbour, UpdateKind.UPDATED, Cause.COMMAND, command=ref)


def _move(article_id: str, target: LiveStory, ref: CommandRef, edition: Edition) -> None:
    source = _home(edition, article_id)
    if source is target:
        raise CommandRefused(f"article {article_id!r} is in story {target.id} already")
    _check_open(source, f"article {article_id!r} is in story {source.id}, which")
    if source.article_count == 1:
        # Nothing stays behind: the emptied story lives on in the target, and its id leads there.
        _absorb(target, source, ref, edition)
        return
    for one, other in ((source, target), (target, source)):
        _check_room(one, with_one_more(one, other.id, edition.stories))
    _transfer([source.members[article_id]], target, ref, edition)
    tell_apart(source, target, edition.stories)
    moved = target.members[article_id]
    edition.publish(source, UpdateKind.MOVED, Cause.COMMAND, article=moved, command=ref)
    edition.publish(target, UpdateKind.MOVED, Cause.COMMAND, article=moved, command=ref)


def _pin(story: LiveStory, ref: CommandRef, edition: Edition) -> None:
    if story.pinned is not None:
        raise CommandRefused(f"story {story.id} is pinned already, by {story.pinned.by}")
    story.pinned = ref
    edition.publish(story, UpdateKind.UPDATED, Cause.COMMAND, command=ref)


def _unpin(story: LiveStory, ref: CommandRef, edition: Edition) -> None:
    if story.pinned is None:
        raise CommandRefused(f"story {story.id} is not pinned")
    story.pinned = None
    edition.publish(story, UpdateKind.UPDATED, Cause.COMMAND, command=ref)


def _transfer(leaving: Sequence[Membership], target: LiveStory, ref: CommandRef, edition: Edition) -> None:
    """Put articles of one story into another, where each text still counts once.

    Copies that stay behind follow the first of themselves; copies that leave follow their original if it leaves too or is
    in the target, else the first of themselves.
    """
    # Copies first, so that what is left of them when their original goes are those that stay.
    for member in sorted(leaving, key=lambda member: (member.copy_of is None, member.sequence)):
        edition.release(member.article_id)
    originals: dict[str, str] = {}
    for member in sorted(leaving, key=lambda member: (member.copy_of is not None, member.sequence)):
        text = member.copy_of or member.article_id
        if text not in originals:
            compared = edition.compared(stored_features(member))
            originals[text] = find_original(target, edition, compared) or member.article_id
        placed = msgspec.structs.replace(
            member,
            story_id=target.id,
            decision=Decision(verdict=Verdict.COMMANDED),
            copy_of=originals[text] if originals[text] != member.article_id else None,
            merge=None,
            placed_by=ref,
        )
        edition.admit(target, placed)


def _open(edition: Edition, story_id: str) -> LiveStory:
    story = edition.stories.get(story_id)
    if story is None:
        raise CommandRefused(f"there is no story {story_id!r} in edition {edition.name!r}")
    _check_open(story, f"story {story_id}")
    return story


def _home(edition: Edition, article_id: str) -> LiveStory:
    story = edition.story_of(article_id)
    if story is None:
        raise CommandRefused(f"there is no article {article_id!r} in edition {edition.name!r}")
    return story


def _check_open(story: LiveStory, subject: str) -> None:
    if story.state is StoryState.MERGED:
        raise CommandRefused(f"{subject} became part of story {story.merged_into}: name that one")
    if not story.is_open:
        raise CommandRefused(f"{subject} is closed: only open stories can be corrected")


def _check_room(story: LiveStory, kept_apart: Iterable[str]) -> None:
    if not has_room(kept_apart):
        raise CommandRefused(f"story {story.id} would have to be kept apart from more than {KEPT_APART_MAX} others")
