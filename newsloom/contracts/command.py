"""The commands that editors and operators write to `story-commands` to correct stories."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Timestamp

SPLIT_ARTICLES_MAX = 250
SPLIT_BYTES_MAX = 24_576
"""Limits of one split: the number of articles, and the size of their ids as JSON, which the updates of the split list."""

# At least one character that is not white space: every command needs an author and a reason.
Author = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=256)]
Reason = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=1_000)]
# The last group rejects a line feed at the end: in Python, $ also matches before one.
CommandId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
StoryId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class CommandKind(Enum):
    """What a command does."""

    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    PIN = "pin"
    UNPIN = "unpin"


class CommandRef(msgspec.Struct, frozen=True, kw_only=True):
    """A reference to a command, kept with everything it changed: its id and kind, who issued it, why and when."""

    id: CommandId
    kind: CommandKind
    by: Author
    why: Reason
    issued_at: Timestamp


class _Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    command_id: CommandId
    edition: Edition
    by: Author
    why: Reason
    issued_at: Timestamp


class MergeStories(_Command, frozen=True, kw_only=True, tag="merge"):
    """Merge two stories. The larger one keeps its id; on a tie, the older one does."""

    story_id: StoryId
    other_story_id: StoryId


class SplitStory(_Command, frozen=True, kw_only=True, tag="split"):
    """Move some articles of a story, but not all of them, to a new story."""

    story_id: StoryId
    article_ids: Annotated[tuple[ArticleId, ...], msgspec.Meta(min_length=1, max_length=SPLIT_ARTICLES_MAX)]


class MoveArticle(_Command, frozen=True, kw_only=True, tag="move"):
    """Move an article from its story to this one."""

    article_id: ArticleId
    story_id: StoryId


class PinStory(_Command, frozen=True, kw_only=True, tag="pin"):
    """Pin a story: only a command can merge it or move an article out of it. New articles may join."""

    story_id: StoryId


class UnpinStory(_Command, frozen=True, kw_only=True, tag="unpin"):
    """Undo a pin."""

    story_id: StoryId


StoryCommand = MergeStories | SplitStory | MoveArticle | PinStory | UnpinStory


def command_ref(command: StoryCommand) -> CommandRef:
    """Build the reference to a command."""
    return CommandRef(
        id=command.command_id,
        kind=CommandKind(command.__struct_config__.tag),
        by=command.by,
        why=command.why,
        issued_at=command.issued_at,
    )
