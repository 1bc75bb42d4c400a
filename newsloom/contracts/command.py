"""What an editor or operator writes to `story-commands`: corrections of stories, carried out in order with all else."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Timestamp

SPLIT_ARTICLES_MAX = 250
SPLIT_BYTES_MAX = 24_576
"""Articles that one command may split off, and what their ids may take as JSON: they stand in the updates that tell of it."""

# At least one character that is no blank: a correction without an author or a reason is none.
Author = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=256)]
Reason = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=1_000)]
# The last group: Python alone lets $ match before a line feed at the end.
CommandId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
StoryId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class CommandKind(Enum):
    """What a command asks for."""

    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    PIN = "pin"
    UNPIN = "unpin"


class CommandRef(msgspec.Struct, frozen=True, kw_only=True):
    """A command as what it has changed names it: which, by whom, why and when."""

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
    """Make one story of two. The larger one keeps its id, the older on a tie."""

    story_id: StoryId
    other_story_id: StoryId


class SplitStory(_Command, frozen=True, kw_only=True, tag="split"):
    """Let some articles of a story, not all of them, leave it for a new story of their own."""

    story_id: StoryId
    article_ids: Annotated[tuple[ArticleId, ...], msgspec.Meta(min_length=1, max_length=SPLIT_ARTICLES_MAX)]


class MoveArticle(_Command, frozen=True, kw_only=True, tag="move"):
    """Take an article out of its story and put it into this one."""

    article_id: ArticleId
    story_id: StoryId


class PinStory(_Command, frozen=True, kw_only=True, tag="pin"):
    """From now on the story is merged with no other, and keeps its articles, except by command. New ones may join."""

    story_id: StoryId


class UnpinStory(_Command, frozen=True, kw_only=True, tag="unpin"):
    """End the effect of a pin."""

    story_id: StoryId


StoryCommand = MergeStories | SplitStory | MoveArticle | PinStory | UnpinStory


def command_ref(command: StoryCommand) -> CommandRef:
    """The command's name in what it changes."""
    return CommandRef(
        id=command.command_id,
        kind=CommandKind(command.__struct_config__.tag),
        by=command.by,
        why=command.why,
        issued_at=command.issued_at,
    )
