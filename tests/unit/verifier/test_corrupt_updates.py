"""Updates that are missing, repeated, out of order, or tell of something else than was done.

Each single corruption of the topics is noticed, and its culprit named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import StoryUpdate, UpdateKind
from newsloom.streaming.records import Record
from tests.unit.verifier.corruption import Corruption, check_noticed
from tests.unit.verifier.desk import Desk


def an_update(desk: Desk, wanted: Callable[[StoryUpdate], object]) -> tuple[Record, StoryUpdate]:
    return next(item for item in desk.updates() if wanted(item[1]))


def version_is_missing(desk: Desk) -> str:
    counts = {update.story_id: update.version for _, update in desk.updates()}
    record, update = an_update(desk, lambda update: 1 < update.version < counts[update.story_id])
    desk.delete(record)
    return f"{update.story_id} version {update.version + 1}"


def last_update_is_missing(desk: Desk) -> str:
    record, update = desk.updates()[-1]
    desk.delete(record)
    return update.story_id


def version_is_repeated(desk: Desk) -> str:
    record, update = desk.updates()[0]
    desk.append(record)
    return f"{update.story_id} version {update.version}"


def versions_change_places(desk: Desk) -> str:
    story_id = an_update(desk, lambda update: update.version > 1)[1].story_id
    first, second = [record for record, update in desk.updates() if update.story_id == story_id][:2]
    desk.swap(first, second)
    return story_id


def version_stands_in_another_partition(desk: Desk) -> str:
    last = {update.story_id: record for record, update in desk.updates()}
    record, update = an_update(desk, lambda update: update.version > 1)
    record = last[update.story_id]
    desk.delete(record)
    desk.append(replace(record, partition=1 - record.partition))
    return update.story_id


def created_twice(desk: Desk) -> str:
    record, update = an_update(desk, lambda update: update.version > 1)
    desk.rewrite(record, update, kind=UpdateKind.CREATED)
    return f"{update.story_id} version {update.version}"


def update_counts_one_more(desk: Desk) -> str:
    record, update = an_update(desk, lambda update: update.version > 1)
    desk.rewrite(record, update, article_count=update.article_count + 1)
    return f"{update.story_id} version {update.version}"


def _commanded(desk: Desk, kind: CommandKind) -> tuple[Record, StoryUpdate]:
    return an_update(desk, lambda update: update.command is not None and update.command.kind is kind)


def split_names_another_article(desk: Desk) -> str:
    record, update = _commanded(desk, CommandKind.SPLIT)
    desk.rewrite(record, update, article_ids=("a1",))
    return update.story_id


def merge_names_no_command(desk: Desk) -> str:
    record, update = _commanded(desk, CommandKind.MERGE)
    desk.rewrite(record, update, command=None)
    return update.story_id


def command_is_signed_by_another(desk: Desk) -> str:
    record, update = _commanded(desk, CommandKind.PIN)
    assert update.command is not None
    desk.rewrite(record, update, command=msgspec.structs.replace(update.command, by="Nobody"))
    return update.command.id


CORRUPTIONS = [
    (version_is_missing, "versions"),
    (last_update_is_missing, "stories"),
    (version_is_repeated, "versions"),
    (versions_change_places, "versions"),
    (version_stands_in_another_partition, "versions"),
    (created_twice, "changes"),
    (update_counts_one_more, "changes"),
    (split_names_another_article, "changes"),
    (merge_names_no_command, "commands"),
    (command_is_signed_by_another, "commands"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_noticed_and_its_culprit_named(desk: Desk, corruption: Corruption, invariant: str) -> None:
    check_noticed(desk, corruption, invariant)
