"""From a living story to what is published of it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from datetime import datetime

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
from services.clusterer.core.story import LiveStory


def story_snapshot(story: LiveStory, edition: str) -> Story:
    """The whole story as of its version, with as many of its articles as a message has room for."""
    bare = Story(
        id=story.id,
        edition=edition,
        state=story.state,
        title=story.title,
        title_article_id=story.title_article_id,
        version=story.version,
        article_count=story.article_count,
        report_count=story.report_count,
        outlet_count=len(story.outlets),
        outlets=_most_frequent(story.outlets),
        leanings=_most_frequent(story.leanings),
        first_published_at=story.first_published_at,
        last_published_at=story.last_published_at,
        updated_at=story.updated_at,
        history=story.history,
        articles=(),
        articles_omitted=story.article_count,
        merged_into=story.merged_into,
        merged_from=story.merged_from,
        split_from=story.split_from,
        split_into=story.split_into,
        kept_apart=story.kept_apart,
        pinned=story.pinned,
        related=story.related,
    )
    articles = _latest_articles(story, STORY_BYTES_MAX - len(encode(bare)))
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
) -> StoryUpdate:
    """The change that led to the story's present version."""
    return StoryUpdate(
        story_id=story.id,
        edition=edition,
        version=story.version,
        kind=kind,
        cause=cause,
        at=story.updated_at,
        state=story.state,
        title=story.title,
        article_count=story.article_count,
        article_count_before=count_before,
        report_count=story.report_count,
        outlet_count=len(story.outlets),
        outlets=_most_frequent(story.outlets),
        leanings=_most_frequent(story.leanings),
        article=article_ref(article) if article is not None else None,
        article_ids=article_ids,
        command=command,
        merged_into=story.merged_into,
        merged_from=story.merged_from,
        split_from=story.split_from,
        split_into=story.split_into,
        kept_apart=story.kept_apart,
        pinned=story.pinned,
        related=story.related,
    )


def article_ref(member: Membership) -> ArticleRef:
    """An article as stories list it."""
    return ArticleRef(
        id=member.article_id,
        title=member.title[:TITLE_LISTED_MAX],
        published_at=member.published_at,
        outlet=member.outlet,
        leaning=member.leaning,
        url=member.url,
        copy_of=member.copy_of,
    )


def _latest_articles(story: LiveStory, room: int) -> tuple[ArticleRef, ...]:
    """The latest articles, newest first, as many as go into `room` bytes."""
    latest = heapq.nlargest(ARTICLES_MAX, story.members.values(), key=_recency)
    listed: list[ArticleRef] = []
    for ref in map(article_ref, latest):
        room -= len(encode(ref)) + 1
        if room < 0:
            break
        listed.append(ref)
    return tuple(listed)


def _recency(member: Membership) -> tuple[datetime, int]:
    return member.published_at, member.sequence


def _most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:OUTLETS_MAX]
    room = OUTLETS_BYTES_MAX
    for place, (name, _) in enumerate(ranked):
        room -= json_size_bytes(name)
        if room < 0:
            return dict(ranked[:place])
    return dict(ranked)
