"""An edition as its published state describes it. Nothing is decided again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story, StoryState
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.edition import Edition
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import NO_SLOT, LiveStory


class CorruptState(ValueError):
    """Stories and memberships contradict each other; going on would publish wrong counts."""


def restore_edition(
    checkpoint: Checkpoint,
    stories: Iterable[Story],
    memberships: Iterable[Membership],
    *,
    calibration: Calibration,
    parameters: Parameters,
    progress: Callable[[int], None] = lambda _articles: None,
) -> Edition:
    """The edition that published these; `progress` is told after each story how many articles it has.

    Raises:
        CorruptState: a membership names an unknown story, or a story's count is not that of its memberships.

    """
    edition = Edition(checkpoint.edition, calibration, parameters)
    edition.watermark = checkpoint.watermark
    edition.next_sequence = checkpoint.next_sequence
    stories = sorted(stories, key=lambda story: story.id)
    edition.space.reserve(sum(story.state is StoryState.OPEN for story in stories))
    members: defaultdict[str, list[Membership]] = defaultdict(list)
    for member in memberships:
        members[member.story_id].append(member)
    for story in stories:
        _restore_story(edition, story, members.pop(story.id, []))
        progress(story.article_count)
    if members:
        story_id, orphans = next(iter(members.items()))
        raise CorruptState(f"article {orphans[0].article_id!r} is in story {story_id}, which `stories` does not hold")
    return edition


def _restore_story(edition: Edition, story: Story, members: list[Membership]) -> None:
    if len(members) != story.article_count:
        raise CorruptState(
            f"story {story.id} has {story.article_count} articles at version {story.version}, "
            f"but `article-stories` holds {len(members)}"
        )
    live = _live(story)
    edition.stories[live.id] = live
    for member in sorted(members, key=lambda member: member.sequence):
        live.add(member)
        edition.articles[member.article_id] = live.id
    if live.is_open:
        live.slot = edition.space.open(live.id)
        edition.track_all(live)
    else:
        live.clear(live.state)
        edition.forgetting.set(live.id, live.updated_at + edition.parameters.retention)


def _live(story: Story) -> LiveStory:
    return LiveStory(
        id=story.id,
        slot=NO_SLOT,
        first_published_at=story.first_published_at,
        last_published_at=story.last_published_at,
        updated_at=story.updated_at,
        state=story.state,
        version=story.version,
        title=story.title,
        title_article_id=story.title_article_id,
        history=story.history,
        merged_into=story.merged_into,
        merged_from=story.merged_from,
        split_from=story.split_from,
        split_into=story.split_into,
        kept_apart=story.kept_apart,
        pinned=story.pinned,
        related=story.related,
        published_count=story.article_count,
    )
