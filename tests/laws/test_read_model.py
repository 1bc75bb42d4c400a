"""The story page's read model is exact, whatever the order of the topics, the batches, the kills and what compaction has left."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsloom.settings import Settings
from newsloom.streaming.records import Record, TopicPartition
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel
from tests.unit.storypage.conftest import NewModel, consistent_log, new_model, partitions, settings
from tests.unit.storypage.dump import dump
from tests.unit.storypage.records import Partitions, all_records, compacted

__all__ = ["consistent_log", "new_model", "partitions", "settings"]

KILLS: Final = 8
SQLITE_HEADER_BYTES: Final = 100

TABLES_OF_EVERYTHING: Final = ("stories", "updates", "memberships", "articles", "story_facets", "story_text")


def interleave(partitions: Partitions, chance: random.Random) -> Iterator[list[Record]]:
    """Yield batches of the records: each partition in order, the partitions in any."""
    unread = {partition: list(records) for partition, records in partitions.items()}
    batch: list[Record] = []
    while unread:
        partition = chance.choice(list(unread))
        batch += [unread[partition].pop(0) for _ in range(min(len(unread[partition]), chance.randint(1, 9)))]
        if not unread[partition]:
            del unread[partition]
        if chance.random() < 0.3:
            yield batch
            batch = []
    yield batch


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32), with_compaction=st.booleans())
def test_any_order_gives_the_same_rows(
    new_model: NewModel, partitions: Partitions, settings: Settings, seed: int, *, with_compaction: bool
) -> None:
    reference, _, reference_sql = new_model()
    reference.apply(list(all_records(partitions)))
    expected = dump(reference_sql)
    assert all(expected[table] for table in TABLES_OF_EVERYTHING)

    model, _, sql = new_model()
    for batch in interleave(compacted(partitions, settings) if with_compaction else partitions, random.Random(seed)):  # noqa: S311
        model.apply(batch)

    assert dump(sql) == expected


def test_the_offsets_are_those_after_the_last_records(new_model: NewModel, partitions: Partitions) -> None:
    model, _, _ = new_model()
    model.apply(list(all_records(partitions)))
    assert model.positions() == {
        partition: records[-1].offset + 1 for partition, records in partitions.items() if records
    }


# --- killed at any point

FOLLOW: Final = """
import os, signal, sys
from pathlib import Path
from tests.laws.test_read_model import load, unread_batches
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel

partitions, settings = load(Path(sys.argv[1]))
sql = ModelFile(Path(sys.argv[2])).open(settings, {key: 10**9 for key in partitions})
statements_left = int(sys.argv[3])

def count(_statement):
    global statements_left
    statements_left -= 1
    if statements_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

sql.set_trace_callback(count)
model = ReadModel(sql, settings)
for batch in unread_batches(partitions, model):
    model.apply(batch)
"""


class Saved(msgspec.Struct, frozen=True):
    """Records and settings, for another process."""

    settings: Settings
    records: list[tuple[str, int, int, int, bytes | None, bytes | None]]


def save(file: Path, partitions: Partitions, settings: Settings) -> None:
    rows = [
        (one.topic, one.partition, one.offset, one.timestamp_ms, one.key, one.value) for one in all_records(partitions)
    ]
    file.write_bytes(msgspec.msgpack.encode(Saved(settings, rows)))


def load(file: Path) -> tuple[Partitions, Settings]:
    saved = msgspec.msgpack.decode(file.read_bytes(), type=Saved)
    partitions: Partitions = {}
    for row in saved.records:
        record = Record(*row)
        partitions.setdefault(record.topic_partition, []).append(record)
    return partitions, saved.settings


def unread_batches(partitions: Partitions, model: ReadModel) -> Iterator[list[Record]]:
    """Yield what the model has not read, in batches of ten records of one partition."""
    positions = model.positions()
    for partition, records in partitions.items():
        unread = [record for record in records if record.offset >= positions.get(partition, 0)]
        yield from (unread[start : start + 10] for start in range(0, len(unread), 10))


def test_a_follower_killed_at_any_statement_comes_to_the_same_rows(
    partitions: Partitions, settings: Settings, new_model: NewModel, tmp_path: Path
) -> None:
    reference, _, reference_sql = new_model()
    reference.apply(list(all_records(partitions)))
    saved, file = tmp_path / "records", tmp_path / "killed.db"
    save(saved, partitions, settings)
    chance = random.Random(1)  # noqa: S311

    def follow(statements: int) -> int:
        command = [sys.executable, "-c", FOLLOW, str(saved), str(file), str(statements)]
        return subprocess.run(command, check=False, timeout=60, env=os.environ, stderr=subprocess.DEVNULL).returncode

    statuses = [follow(chance.randint(1, 400)) for _ in range(KILLS)]
    assert statuses.count(-signal.SIGKILL) == KILLS
    assert follow(10**9) == 0

    with closing(sqlite3.connect(file)) as sql:
        assert dump(sql) == dump(reference_sql)


# --- a file that cannot be continued


@pytest.fixture
def read(settings: Settings, partitions: Partitions, tmp_path: Path) -> ModelFile:
    file = ModelFile(tmp_path / "page.db")
    with closing(file.open(settings, {})) as sql:
        ReadModel(sql, settings).apply(list(all_records(partitions)))
    return file


def is_kept(file: ModelFile, settings: Settings, ends: dict[TopicPartition, int]) -> bool:
    with closing(file.open(settings, ends)) as sql:
        return bool(sql.execute("SELECT COUNT(*) FROM stories").fetchone()[0])


@pytest.fixture
def ends(partitions: Partitions) -> dict[TopicPartition, int]:
    return {partition: records[-1].offset + 1 for partition, records in partitions.items() if records}


def test_a_file_of_this_log_is_kept(read: ModelFile, settings: Settings, ends: dict[TopicPartition, int]) -> None:
    assert is_kept(read, settings, ends)


def test_a_file_ahead_of_the_log_is_made_again(
    read: ModelFile, settings: Settings, ends: dict[TopicPartition, int]
) -> None:
    assert not is_kept(read, settings, dict.fromkeys(ends, 1))


def test_a_file_of_another_log_is_made_again(
    read: ModelFile, settings: Settings, ends: dict[TopicPartition, int]
) -> None:
    assert not is_kept(read, msgspec.structs.replace(settings, topic_prefix="other."), ends)


def test_a_file_that_has_not_been_read_for_a_day_is_made_again(
    read: ModelFile, settings: Settings, ends: dict[TopicPartition, int]
) -> None:
    with closing(read.connect()) as sql:
        sql.execute("UPDATE source SET value = CAST(value - 86400000 AS TEXT) WHERE name = 'read_at_ms'")
    assert not is_kept(read, settings, ends)


def test_a_damaged_file_is_made_again(read: ModelFile, settings: Settings, ends: dict[TopicPartition, int]) -> None:
    with closing(read.connect()) as sql:
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = read.path.read_bytes()
    read.path.write_bytes(content[:SQLITE_HEADER_BYTES] + b"not a table" * (len(content) // 11))
    assert not is_kept(read, settings, ends)


def test_an_empty_file_is_used(settings: Settings, tmp_path: Path) -> None:
    file = ModelFile(tmp_path / "page.db")
    file.path.touch()
    assert not is_kept(file, settings, {})
    assert not is_kept(file, settings, {})


MAKE: Final = """
import os, signal, sqlite3, sys
from pathlib import Path
from newsloom.settings import Settings
from services.storypage.read_model.file import ModelFile

connect, statements_left = sqlite3.connect, int(sys.argv[2])

def count(_statement):
    global statements_left
    statements_left -= 1
    if statements_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def counted(*arguments, **options):
    sql = connect(*arguments, **options)
    sql.set_trace_callback(count)
    return sql

sqlite3.connect = counted
ModelFile(Path(sys.argv[1])).open(Settings(), {})
"""


@pytest.mark.parametrize("statements", [1, 2, 3, 5, 6, 12])
def test_a_file_whose_maker_was_killed_is_made_again(settings: Settings, tmp_path: Path, statements: int) -> None:
    file = ModelFile(tmp_path / "page.db")
    maker = subprocess.run(
        [sys.executable, "-c", MAKE, str(file.path), str(statements)], check=False, timeout=60, env=os.environ
    )
    assert maker.returncode == -signal.SIGKILL
    assert not is_kept(file, settings, {})
