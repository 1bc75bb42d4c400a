"""Updates that are missing, duplicated, out of order or wrong: each single corruption is reported by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from newsloom.contracts.command import CommandKind
from newsloom.contracts.story import StoryState, StoryUpdate, UpdateKind
from newsloom.streaming.records import Record
from tests.unit.verifier.corruption import Corruption, check_reported
from tests.unit.verifier.log_file import LogFile


def an_update(log_file: LogFile, wanted: Callable[[StoryUpdate], object]) -> tuple[Record, StoryUpdate]:
    return next(item for item in log_file.updates() if wanted(item[1]))


def version_is_missing(log_file: LogFile) -> str:
    counts = {update.story_id: update.version for _, update in log_file.updates()}
    record, update = an_update(log_file, lambda update: 1 < update.version < counts[update.story_id])
    log_file.delete(record)
    return f"{update.story_id} version {update.version + 1}"


def late_article_of_an_open_story(log_file: LogFile) -> str:
    record, update = an_update(log_file, lambda update: update.version == 2 and update.state is StoryState.OPEN)
    log_file.rewrite(record, update, late=True)
    return f"{update.story_id} version 2"


def last_update_is_missing(log_file: LogFile) -> str:
    record, update = log_file.updates()[-1]
    log_file.delete(record)
    return update.story_id


def version_is_duplicated(log_file: LogFile) -> str:
    record, update = log_file.updates()[0]
    log_file.append(record)
    return f"{update.story_id} version {update.version}"


def versions_in_the_wrong_order(log_file: LogFile) -> str:
    story_id = an_update(log_file, lambda update: update.version > 1)[1].story_id
    first, second = [record for record, update in log_file.updates() if update.story_id == story_id][:2]
    log_file.swap(first, second)
    return story_id


def version_in_the_wrong_partition(log_file: LogFile) -> str:
    last = {update.story_id: record for record, update in log_file.updates()}
    record, update = an_update(log_file, lambda update: update.version > 1)
    record = last[update.story_id]
    log_file.delete(record)
    log_file.append(replace(record, partition=1 - record.partition))
    return update.story_id


def created_twice(log_file: LogFile) -> str:
    record, update = an_update(log_file, lambda update: update.version > 1)
    log_file.rewrite(record, update, kind=UpdateKind.CREATED)
    return f"{update.story_id} version {update.version}"


def update_with_one_article_more(log_file: LogFile) -> str:
    record, update = an_update(log_file, lambda update: update.version > 1)
    log_file.rewrite(record, update, article_count=update.article_count + 1)
    return f"{update.story_id} version {update.version}"


def _commanded(log_file: LogFile, kind: CommandKind) -> tuple[Record, StoryUpdate]:
    return an_update(log_file, lambda update: update.command is not None and update.command.kind is kind)


def split_with_another_article(log_file: LogFile) -> str:
    record, update = _commanded(log_file, CommandKind.SPLIT)
    log_file.rewrite(record, update, article_ids=("a1",))
    return update.story_id


def merge_without_its_command(log_file: LogFile) -> str:
    record, update = _commanded(log_file, CommandKind.MERGE)
    log_file.rewrite(record, update, command=None)
    return update.story_id


def command_by_another_author(log_file: LogFile) -> str:
    record, update = _commanded(log_file, CommandKind.PIN)
    assert update.command is not None
    log_file.rewrite(record, update, command=msgspec.structs.replace(update.command, by="Nobody"))
    return update.command.id


CORRUPTIONS = [
    (late_article_of_an_open_story, "changes"),
    (version_is_missing, "versions"),
    (last_update_is_missing, "stories"),
    (version_is_duplicated, "versions"),
    (versions_in_the_wrong_order, "versions"),
    (version_in_the_wrong_partition, "versions"),
    (created_twice, "changes"),
    (update_with_one_article_more, "changes"),
    (split_with_another_article, "changes"),
    (merge_without_its_command, "commands"),
    (command_by_another_author, "commands"),
]


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
def test_a_corruption_is_reported_by_name(log_file: LogFile, corruption: Corruption, invariant: str) -> None:
    check_reported(log_file, corruption, invariant)
