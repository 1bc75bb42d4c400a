"""Rebuild an edition from its published state. No decision is made again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story, StoryState
from services.clusterer.core.calibration import Calibration
from services.clusterer.core.clock import EditionClock
from services.clusterer.core.copy_groups import with_reports
from services.clusterer.core.edition import EditionState
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import COUNTED, NO_SLOT, LiveStory
from services.clusterer.core.zero_point import restored_zero_points

_RESTORED: Final = tuple(
    name for name in LiveStory.__struct_fields__ if name in Story.__struct_fields__ and name not in COUNTED
)
"""The fields restored from the published story; the other ones are counted again from its memberships."""


_UNKNOWN: Final[Mapping[str, datetime]] = MappingProxyType({})


class CorruptState(ValueError):
    """Stories and memberships contradict each other. Going on would publish wrong counts."""


def restore_edition(
    checkpoint: Checkpoint,
    stories: Iterable[Story],
    memberships: Iterable[Membership],
    *,
    calibration: Calibration,
    parameters: Parameters,
    written_at: Mapping[str, datetime] = _UNKNOWN,
    on_story: Callable[[int], None] = lambda _articles: None,
) -> EditionState:
    """Return the edition that published this state. Calls `on_story` with the article count of each rebuilt story.

    `written_at` is the timestamp of each story's record, by story id; of a story without one it is `updated_at`.

    Raises:
        CorruptState: a membership names an unknown story, or a story's count differs from its number of memberships.

    """
    edition = EditionState(checkpoint.edition, calibration, parameters, checkpoint.preparation)
    edition.clock = EditionClock.restored(checkpoint.watermark, checkpoint.clock)
    edition.next_sequence = checkpoint.next_sequence
    edition.stories_forgotten = checkpoint.stories_forgotten
    # An earlier version did not keep the features of stories that it had closed.
    horizon = checkpoint.comparable_from
    edition.comparable_from = checkpoint.next_sequence if horizon is None else horizon
    edition.indexes.zero_points = restored_zero_points(checkpoint, calibration)
    stories = sorted(stories, key=lambda story: story.id)
    edition.indexes.space.reserve(sum(story.state is StoryState.OPEN for story in stories))
    members: defaultdict[str, list[Membership]] = defaultdict(list)
    for member in memberships:
        members[member.story_id].append(member)
    for story in stories:
        _restore_story(edition, story, members.pop(story.id, []), written_at.get(story.id, story.updated_at))
        on_story(story.article_count)
    if members:
        story_id, orphans = next(iter(members.items()))
        raise CorruptState(f"article {orphans[0].article_id!r} is in story {story_id}, which is missing from `stories`")
    return edition


def _restore_story(edition: EditionState, story: Story, members: list[Membership], written_at: datetime) -> None:
    if len(members) != story.article_count:
        raise CorruptState(
            f"story {story.id} has {story.article_count} articles at version {story.version}, "
            f"but `article-stories` holds {len(members)}"
        )
    published = {name: getattr(story, name) for name in _RESTORED}
    live = LiveStory(slot=NO_SLOT, arrived_at=written_at, published_count=story.article_count, **published)
    edition.restore_story(live, with_reports(sorted(members, key=lambda member: member.sequence)))
