"""Memberships and checkpoints that contradict what was published: each single corruption is reported by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Membership
from newsloom.contracts.story import StoryState
from tests.laws.streams import article
from tests.unit.verifier.corruption import Corruption, check_reported
from tests.unit.verifier.log_file import LogFile


def membership_with(change: Callable[[LogFile, Membership], dict[str, Any]]) -> Corruption:
    def corrupt(log_file: LogFile) -> str:
        record, member = log_file.memberships()[0]
        log_file.rewrite(record, member, **change(log_file, member))
        return member.article_id

    return corrupt


def another_report(log_file: LogFile, member: Membership) -> str:
    """Return the id of a report of the same edition in another story."""
    others = (other for _, other in log_file.memberships() if other.edition == member.edition and other.copy_of is None)
    return next(other.article_id for other in others if other.story_id != member.story_id)


def copy_in_another_story(log_file: LogFile) -> str:
    record, member = log_file.memberships()[0]
    group = another_report(log_file, member)
    log_file.rewrite(record, member, copy_of=group)
    return f"copy group {group}"


def report_in_the_group_of_another(log_file: LogFile) -> str:
    record, member = next(item for item in log_file.memberships() if item[1].copy_of is None)
    group = another_report(log_file, member)
    log_file.rewrite(record, member, copy_group=group)
    return f"copy group {group}"


def membership_with_another_outlet(log_file: LogFile) -> str:
    record, member = log_file.memberships()[0]
    log_file.rewrite(record, member, outlet="Nobody")
    return member.story_id


def membership_is_lost(log_file: LogFile) -> str:
    record, member = log_file.memberships()[0]
    log_file.append(replace(record, value=None))
    return member.article_id


def membership_in_the_wrong_partition(log_file: LogFile) -> str:
    record, member = log_file.memberships()[0]
    log_file.delete(record)
    log_file.append(replace(record, partition=(record.partition + 1) % 3))
    return member.article_id


def membership_of_an_unknown_article(log_file: LogFile) -> str:
    record, member = log_file.memberships()[0]
    stray = msgspec.structs.replace(member, article_id="a99", sequence=0)
    log_file.append(replace(record, key=b"main/a99", value=encode(stray)))
    return "a99"


def membership_without_its_command(log_file: LogFile) -> str:
    record, member = next(item for item in log_file.memberships() if item[1].placed_by is not None)
    log_file.rewrite(record, member, placed_by=None)
    return member.article_id


def membership_without_its_vector(log_file: LogFile) -> str:
    open_ids = {story.id for _, story in log_file.stories() if story.state is StoryState.OPEN}
    record, member = next(item for item in log_file.memberships() if item[1].story_id in open_ids)
    log_file.rewrite(record, member, lead_vector=b"")
    return member.article_id


def story_is_forgotten_before_its_retention_is_over(log_file: LogFile) -> str:
    ended = {story.id: record for record, story in log_file.stories() if story.state is StoryState.CLOSED}
    record, member = next(item for item in log_file.memberships() if item[1].story_id in ended)
    log_file.append(replace(ended[member.story_id], value=None))
    log_file.append(replace(record, value=None))
    return f"article {member.article_id} of edition main has no membership"


def checkpoint_with(culprit: str = "edition main", **changed: Any) -> Corruption:
    def corrupt(log_file: LogFile) -> str:
        record, checkpoint = log_file.checkpoint()
        log_file.rewrite(record, checkpoint, **changed)
        return culprit

    return corrupt


def checkpoint_of_an_earlier_record(log_file: LogFile) -> str:
    record, _ = log_file.checkpoint()
    headers = tuple((name, b"news.article-vectors/%d/0/checkpoint" % record.partition) if name == "ce_id" else (name, value)
                    for name, value in record.headers)  # fmt: skip
    log_file.alter(replace(record, headers=headers))
    return "edition main"


def checkpoint_is_lost(log_file: LogFile) -> str:
    record, _ = log_file.checkpoint()
    log_file.append(replace(record, value=None))
    return "has no checkpoint"


CORRUPTIONS = [
    (membership_with(lambda log_file, _: {"story_id": log_file.stories()[1][1].id}), "memberships"),
    (membership_with_another_outlet, "members"),
    (copy_in_another_story, "members"),
    (report_in_the_group_of_another, "members"),
    (membership_with(lambda _log_file, _member: {"sequence": 4_000}), "checkpoints"),
    (membership_is_lost, "memberships"),
    (story_is_forgotten_before_its_retention_is_over, "memberships"),
    (membership_in_the_wrong_partition, "editions"),
    (membership_of_an_unknown_article, "articles"),
    (membership_without_its_command, "commands"),
    (membership_without_its_vector, "checkpoints"),
    (checkpoint_with(next_sequence=1), "checkpoints"),
    (checkpoint_with("ahead of the watermark", watermark=article(1).published_at), "checkpoints"),
    (checkpoint_with(dimension=384), "checkpoints"),
    (checkpoint_of_an_earlier_record, "checkpoints"),
    (checkpoint_is_lost, "checkpoints"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_reported_by_name(log_file: LogFile, corruption: Corruption, invariant: str) -> None:
    check_reported(log_file, corruption, invariant)
