"""Checks memberships and checkpoints against the replayed stories and the clusterer's input."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from newsloom.contracts.membership import Checkpoint, Membership
from newsloom.contracts.pipeline import CLUSTERER, RecordId
from newsloom.contracts.story import StoryState
from newsloom.contracts.topics import ARTICLE_VECTORS
from newsloom.streaming.records import TopicPartition
from services.verifier.current_state import ArticleKey, CurrentState
from services.verifier.findings import Findings, Invariant
from services.verifier.topic_contents import DecodedRecord, TopicContents


class _Assignment(NamedTuple):
    """The story that the updates assign an article to, whether by command, and whether all its updates exist."""

    story_id: str
    by_command: bool
    is_complete: bool


def check_memberships(contents: TopicContents, state: CurrentState, findings: Findings) -> None:
    """Check that each article is in the story that the updates assign it to, and that the right articles are."""
    assignments = _assignments(state, findings)
    for key, (position, member, *_) in state.memberships.items():
        findings.checked[Invariant.MEMBERSHIPS] += 1
        name = f"article {key[1]} of edition {key[0]} ({position})"
        assignment = assignments.pop(key, None)
        if assignment is None:
            replayed = state.replayed.get(member.story_id)
            has_all_updates = not state.updates_truncated if replayed is None else replayed.is_complete
            if has_all_updates:
                findings.add(Invariant.MEMBERSHIPS, f"{name} is in {member.story_id}, but no update assigns it there")
        elif assignment.story_id != member.story_id:
            findings.expect(Invariant.MEMBERSHIPS, f"{name}: story_id", assignment.story_id, member.story_id)
        elif assignment.is_complete:
            by_command = member.placed_by is not None
            findings.expect(Invariant.COMMANDS, f"{name}: assigned by a command", assignment.by_command, by_command)
    for (edition, article_id), assignment in assignments.items():
        name = f"article {article_id} of edition {edition}"
        findings.add(Invariant.MEMBERSHIPS, f"{name} has no membership; the updates assign it to {assignment.story_id}")
    _check_articles(contents, state, set(assignments), findings)


def _assignments(state: CurrentState, findings: Findings) -> dict[ArticleKey, _Assignment]:
    """Return each article's story by the updates, without merged and forgotten stories."""
    assignments: dict[ArticleKey, _Assignment] = {}
    for story_id, replayed in state.replayed.items():
        if replayed.last.state is StoryState.MERGED or state.may_be_forgotten(story_id):
            continue
        for article_id, by_command in replayed.articles.items():
            key = (replayed.last.edition, article_id)
            if key in assignments:
                stories = f"{assignments[key].story_id} and {story_id}"
                findings.add(Invariant.MEMBERSHIPS, f"the updates assign article {article_id} to both {stories}")
            assignments[key] = _Assignment(story_id, by_command, replayed.is_complete)
    return assignments


def _check_articles(
    contents: TopicContents, state: CurrentState, reported: set[ArticleKey], findings: Findings
) -> None:
    """Check each article by its latest record in the clusterer's input; `reported` are violations already."""
    present: dict[ArticleKey, bool] = {}
    for record in contents.accepted():
        if record.article_id:
            present[record.edition, record.article_id] = not record.is_retraction
    forgotten = _articles_of_forgotten_stories(state)
    for key, is_present in present.items():
        findings.checked[Invariant.ARTICLES] += 1
        name = f"article {key[1]} of edition {key[0]}"
        if is_present and not (key in state.memberships or key in forgotten or key in reported):
            findings.add(Invariant.ARTICLES, f"{name} was processed, but is in no story")
        if not is_present and key in state.memberships:
            story_id = state.memberships[key].value.story_id
            findings.add(Invariant.ARTICLES, f"{name} was retracted, but is in story {story_id}")
    if not contents.truncated_partitions(ARTICLE_VECTORS):
        for edition, article_id in sorted(set(state.memberships) - set(present)):
            name = f"article {article_id} of edition {edition}"
            findings.add(Invariant.ARTICLES, f"{name} is in a story, but the clusterer accepted no such article")


def _articles_of_forgotten_stories(state: CurrentState) -> set[ArticleKey]:
    forgotten = [story for story_id, story in state.replayed.items() if state.may_be_forgotten(story_id)]
    return {(story.last.edition, article_id) for story in forgotten for article_id in story.articles}


def check_origins(contents: TopicContents, state: CurrentState, findings: Findings) -> None:
    """Check that the state was made from processed records, none of them beyond its edition's checkpoint."""
    for member in contents.memberships:
        name = f"article {member.value.article_id} of edition {member.value.edition} ({member.position})"
        _check_origin(name, member, contents, state, findings)
    for checkpoint in contents.checkpoints:
        name = f"checkpoint of edition {checkpoint.value.edition} ({checkpoint.position})"
        _check_origin(name, checkpoint, contents, state, findings)


def _check_origin(
    name: str,
    record: DecodedRecord[Membership] | DecodedRecord[Checkpoint],
    contents: TopicContents,
    state: CurrentState,
    findings: Findings,
) -> None:
    findings.checked[Invariant.OFFSETS] += 1
    origin, checkpoint = RecordId.parse(record.event_id), state.checkpoints.get(record.value.edition)
    source = TopicPartition(contents.names[ARTICLE_VECTORS], record.position.partition)
    if origin is None or origin[:2] != source:
        where = f"{source.topic}/{source.partition}"
        findings.add(Invariant.OFFSETS, f"{name}: its id {record.event_id!r} names no record of {where}")
    elif origin.offset >= contents.committed_offset(CLUSTERER, source):
        findings.add(Invariant.OFFSETS, f"{name} is made from {origin}, which the clusterer has not committed")
    elif checkpoint is not None and _is_behind(RecordId.parse(checkpoint.event_id), origin):
        older = checkpoint.event_id
        findings.add(Invariant.CHECKPOINTS, f"{name} is made from {origin}; its edition's checkpoint is older: {older}")


def _is_behind(checkpoint: RecordId | None, origin: RecordId) -> bool:
    return checkpoint is not None and checkpoint[:2] == origin[:2] and checkpoint.offset < origin.offset


def check_checkpoints(state: CurrentState, findings: Findings) -> None:
    """Check that each checkpoint is at least as far as the memberships and stories of its edition."""
    article_ids: dict[tuple[str, int], str] = {}
    for (edition, article_id), (position, member, *_) in state.memberships.items():
        findings.checked[Invariant.CHECKPOINTS] += 1
        name = f"article {article_id} of edition {edition} ({position})"
        checkpoint = state.checkpoints.get(edition)
        if checkpoint is None:
            findings.add(Invariant.CHECKPOINTS, f"{name}: its edition has no checkpoint")
            continue
        _check_reached(name, checkpoint.value.next_sequence > member.sequence, "next_sequence", findings)
        other = article_ids.setdefault((edition, member.sequence), article_id)
        if other != article_id:
            findings.add(Invariant.CHECKPOINTS, f"{name} has the sequence {member.sequence} of article {other}")
        story = state.stories.get(member.story_id)
        has_vector = story is not None and story.value.state is StoryState.OPEN and member.copy_of is None
        if has_vector:
            expected, found = 2 * checkpoint.value.dimension, len(member.lead_vector)
            findings.expect(Invariant.CHECKPOINTS, f"{name}: bytes of lead_vector", expected, found)
    for story_id, (position, story_value, *_) in state.stories.items():
        name = f"story {story_id} ({position})"
        checkpoint = state.checkpoints.get(story_value.edition)
        if checkpoint is None:
            findings.add(Invariant.CHECKPOINTS, f"{name}: its edition has no checkpoint")
        else:
            reached = _latest_watermark(checkpoint.value) >= story_value.updated_at
            _check_reached(name, reached, "watermark", findings)


def _latest_watermark(checkpoint: Checkpoint) -> datetime:
    """Return the latest watermark that the edition ever had, as far as its checkpoint tells."""
    set_back_from = checkpoint.clock.set_back_from if checkpoint.clock is not None else None
    return max(checkpoint.watermark, set_back_from or checkpoint.watermark)


def _check_reached(name: str, reached: bool, what: str, findings: Findings) -> None:
    if not reached:
        findings.add(Invariant.CHECKPOINTS, f"{name} is ahead of the {what} in its edition's checkpoint")
