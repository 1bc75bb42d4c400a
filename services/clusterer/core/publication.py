"""Build what is published of a story: its snapshot and its updates."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from newsloom.contracts.codec import encode
from newsloom.contracts.command import CommandRef
from newsloom.contracts.limits import json_size_bytes
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import (
    ARTICLES_MAX,
    OUTLETS_BYTES_MAX,
    OUTLETS_MAX,
    STORY_BYTES_MAX,
    TITLE_LISTED_MAX,
    ArticleRef,
    Cause,
    Story,
    StoryUpdate,
    UpdateKind,
)
from services.clusterer.core.copy_groups import CopyGroups
from services.clusterer.core.label_counts import LabelCounts
from services.clusterer.core.story import COUNTED, LiveStory

_COPIED: Final = {
    target: tuple(name for name in target.__struct_fields__ if hasattr(LiveStory, name) and name not in COUNTED)
    for target in (Story, StoryUpdate)
}
"""The fields that are published as the live story has them."""


def story_snapshot(story: LiveStory, edition: str, copies: CopyGroups) -> Story:
    """Return the whole story, with as many of its articles as fit into a message. A copy names the report it is a copy of now."""
    bare = Story(**_fields(story, edition, Story), articles=(), articles_omitted=story.article_count)
    articles = _latest_articles(story, copies, STORY_BYTES_MAX - len(encode(bare)))
    return msgspec.structs.replace(bare, articles=articles, articles_omitted=story.article_count - len(articles))


def story_update(
    story: LiveStory,
    edition: str,
    *,
    kind: UpdateKind,
    cause: Cause,
    count_before: int,
    article: Membership | None,
    article_ids: tuple[str, ...],
    command: CommandRef | None,
    late: bool,
) -> StoryUpdate:
    """Return the update that announces the story's current version. The `copy_of` of the article is published as it is."""
    return StoryUpdate(
        **_fields(story, edition, StoryUpdate),
        story_id=story.id,
        kind=kind,
        cause=cause,
        at=story.updated_at,
        article_count_before=count_before,
        article=_article_ref(article, article.copy_of) if article is not None else None,
        article_ids=article_ids,
        command=command,
        late=late,
    )


def _fields(story: LiveStory, edition: str, target: type[Story | StoryUpdate]) -> dict[str, Any]:
    """Return the fields that follow from the story alone; outlets and leanings are cut to what fits."""
    fields = {name: getattr(story, name) for name in _COPIED[target]}
    fields.update(
        outlets=_most_frequent(story.outlets),
        leanings=_most_frequent(story.leanings),
        edition=edition,
        outlet_count=len(story.outlets),
    )
    return fields


def _article_ref(member: Membership, copy_of: str | None) -> ArticleRef:
    return ArticleRef(
        id=member.article_id,
        title=member.title[:TITLE_LISTED_MAX],
        published_at=member.published_at,
        outlet=member.outlet,
        leaning=member.leaning,
        url=member.url,
        copy_of=copy_of,
    )


def _latest_articles(story: LiveStory, copies: CopyGroups, free_bytes: int) -> tuple[ArticleRef, ...]:
    """Return the latest articles, newest first, as many as fit into `free_bytes`."""
    listed: list[ArticleRef] = []
    for member in story.latest(ARTICLES_MAX):
        ref = _article_ref(member, copies.report_id(member))
        free_bytes -= len(encode(ref)) + 1
        if free_bytes < 0:
            break
        listed.append(ref)
    return tuple(listed)


def _most_frequent(counts: LabelCounts) -> dict[str, int]:
    ranked = counts.most_frequent(OUTLETS_MAX)
    free_bytes = OUTLETS_BYTES_MAX
    for index, (name, _) in enumerate(ranked):
        free_bytes -= json_size_bytes(name)
        if free_bytes < 0:
            return dict(ranked[:index])
    return dict(ranked)
