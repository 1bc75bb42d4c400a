"""Memberships and checkpoints that contradict what was published.

Each single corruption of the topics is noticed, and its culprit named.
"""

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
from tests.unit.verifier.corruption import Corruption, check_noticed
from tests.unit.verifier.desk import Desk


def member_says(change: Callable[[Desk, Membership], dict[str, Any]]) -> Corruption:
    def spoil(desk: Desk) -> str:
        record, member = desk.memberships()[0]
        desk.rewrite(record, member, **change(desk, member))
        return member.article_id

    return spoil


def member_has_another_outlet(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    desk.rewrite(record, member, outlet="Nobody")
    return member.story_id


def membership_is_lost(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    desk.append(replace(record, value=None))
    return member.article_id


def membership_stands_in_another_partition(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    desk.delete(record)
    desk.append(replace(record, partition=(record.partition + 1) % 3))
    return member.article_id


def membership_is_of_a_story_and_article_unheard_of(desk: Desk) -> str:
    record, member = desk.memberships()[0]
    stray = msgspec.structs.replace(member, article_id="a99", sequence=0)
    desk.append(replace(record, key=b"main/a99", value=encode(stray)))
    return "a99"


def member_forgets_who_placed_it(desk: Desk) -> str:
    record, member = next(item for item in desk.memberships() if item[1].placed_by is not None)
    desk.rewrite(record, member, placed_by=None)
    return member.article_id


def vector_is_lost_from_the_state(desk: Desk) -> str:
    open_ids = {story.id for _, story in desk.stories() if story.state is StoryState.OPEN}
    record, member = next(item for item in desk.memberships() if item[1].story_id in open_ids)
    desk.rewrite(record, member, lead_vector=b"")
    return member.article_id


def checkpoint_says(**changed: Any) -> Corruption:
    def spoil(desk: Desk) -> str:
        record, checkpoint = desk.checkpoint()
        desk.rewrite(record, checkpoint, **changed)
        return "edition main"

    return spoil


def checkpoint_is_of_an_earlier_record(desk: Desk) -> str:
    record, _ = desk.checkpoint()
    headers = tuple((name, b"news.article-vectors/%d/0/checkpoint" % record.partition) if name == "ce_id" else (name, value)
                    for name, value in record.headers)  # fmt: skip
    desk.alter(replace(record, headers=headers))
    return "edition main"


def checkpoint_is_lost(desk: Desk) -> str:
    record, _ = desk.checkpoint()
    desk.append(replace(record, value=None))
    return "has no checkpoint"


CORRUPTIONS = [
    (member_says(lambda desk, _: {"story_id": desk.stories()[1][1].id}), "memberships"),
    (member_has_another_outlet, "members"),
    (member_says(lambda _desk, _member: {"copy_of": "a99"}), "members"),
    (member_says(lambda _desk, _member: {"sequence": 4_000}), "checkpoints"),
    (membership_is_lost, "memberships"),
    (membership_stands_in_another_partition, "editions"),
    (membership_is_of_a_story_and_article_unheard_of, "articles"),
    (member_forgets_who_placed_it, "commands"),
    (vector_is_lost_from_the_state, "checkpoints"),
    (checkpoint_says(next_sequence=1), "checkpoints"),
    (checkpoint_says(watermark=article(1).published_at), "checkpoints"),
    (checkpoint_says(dimension=384), "checkpoints"),
    (checkpoint_is_of_an_earlier_record, "checkpoints"),
    (checkpoint_is_lost, "checkpoints"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_noticed_and_its_culprit_named(desk: Desk, corruption: Corruption, invariant: str) -> None:
    check_noticed(desk, corruption, invariant)
