"""The current state: stories, memberships and checkpoints by id, and the stories that a replay of the updates gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.story import Story, StoryState
from newsloom.contracts.topics import ARTICLE_STORIES, ARTICLE_VECTORS, STORIES, STORY_UPDATES
from newsloom.streaming.records import PartitionOffset
from services.verifier.findings import Findings, Invariant
from services.verifier.story_replay import ReplayedStory
from services.verifier.topic_contents import DecodedRecord, TopicContents

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
ArticleKey = tuple[str, str]
"""Edition and article id."""

T = TypeVar("T", Story, Membership, Checkpoint)


@dataclass(frozen=True, slots=True)
class CurrentState:
    """The compacted topics by id, beside the `replayed` stories. `members` are the memberships of each story id.

    `updates_truncated` is whether retention has deleted updates.
    """

    replayed: Mapping[str, ReplayedStory]
    stories: Mapping[str, DecodedRecord[Story]]
    memberships: Mapping[ArticleKey, DecodedRecord[Membership]]
    members: Mapping[str, list[DecodedRecord[Membership]]]
    checkpoints: Mapping[str, DecodedRecord[Checkpoint]]
    retention: timedelta
    updates_truncated: bool

    def may_be_forgotten(self, story_id: str) -> bool:
        """Return whether the story is absent and may be: it was closed or merged, and its retention time is over."""
        if story_id in self.stories:
            return False
        replayed = self.replayed.get(story_id)
        if replayed is None:
            return self.updates_truncated
        checkpoint = self.checkpoints.get(replayed.last.edition)
        if replayed.last.state is StoryState.OPEN or checkpoint is None:
            return False
        return self._is_retention_over(replayed, checkpoint.value)

    def _is_retention_over(self, replayed: ReplayedStory, checkpoint: Checkpoint) -> bool:
        if checkpoint.clock is None:
            # An earlier version wrote it and counted from the watermark.
            return replayed.last.at + self.retention <= checkpoint.watermark
        changed_ms = max(replayed.last_timestamp_ms, _unix_ms(replayed.last.at))
        latest = max(checkpoint.clock.arrived_at, checkpoint.clock.set_back_from or checkpoint.clock.arrived_at)
        return changed_ms + self.retention / MILLISECOND <= _unix_ms(latest)


def build_current_state(
    contents: TopicContents, replayed: Mapping[str, ReplayedStory], retention: timedelta, findings: Findings
) -> CurrentState:
    """Build the current state. A record outside its edition's partition is a violation, and used only if there is no other."""
    partition_of = _edition_partitions(contents)
    for topic, edition, name, position in _records_of_editions(contents):
        findings.checked[Invariant.EDITIONS] += 1
        if position.partition != partition_of[edition]:
            findings.add(
                Invariant.EDITIONS,
                f"{name} ({topic}/{position}) is of edition {edition}, whose partition is {partition_of[edition]}",
            )

    def preferred_last(records: Iterable[DecodedRecord[T]]) -> list[DecodedRecord[T]]:
        return sorted(records, key=lambda record: record.position.partition == partition_of[record.value.edition])

    memberships = {
        (record.value.edition, record.value.article_id): record for record in preferred_last(contents.memberships)
    }
    members: defaultdict[str, list[DecodedRecord[Membership]]] = defaultdict(list)
    for record in memberships.values():
        members[record.value.story_id].append(record)
    return CurrentState(
        replayed=replayed,
        stories={record.value.id: record for record in preferred_last(contents.stories)},
        memberships=memberships,
        members=members,
        checkpoints={record.value.edition: record for record in preferred_last(contents.checkpoints)},
        retention=retention,
        updates_truncated=bool(contents.truncated_partitions(STORY_UPDATES)),
    )


def _unix_ms(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def _edition_partitions(contents: TopicContents) -> dict[str, int]:
    """Return for each edition the partition that holds most of its records."""
    counts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for _, edition, _, position in _records_of_editions(contents):
        counts[edition][position.partition] += 1
    return {edition: found.most_common(1)[0][0] for edition, found in counts.items()}


def _records_of_editions(contents: TopicContents) -> Iterator[tuple[str, str, str, PartitionOffset]]:
    """Yield topic, edition, name and position of every record that belongs in its edition's partition."""
    names = contents.names
    for forwarded in contents.accepted():
        name = f"article {forwarded.article_id}" if forwarded.article_id else "command"
        yield names[ARTICLE_VECTORS], forwarded.edition, name, forwarded.position
    for story in contents.stories:
        yield names[STORIES], story.value.edition, f"story {story.value.id}", story.position
    for member in contents.memberships:
        yield names[ARTICLE_STORIES], member.value.edition, f"article {member.value.article_id}", member.position
    for checkpoint in contents.checkpoints:
        yield names[ARTICLE_STORIES], checkpoint.value.edition, "checkpoint", checkpoint.position
