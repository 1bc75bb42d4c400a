"""A damaged file is read as it was written, or it is reported as damaged in one line."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import CleanupPolicy, Progress, TopicSpec
from newsloom.streaming.records import Message, TopicPartition
from newsloom.streaming.sqlite import open_sqlite
from newsloom.streaming.sqlite.cleanup import COMPACTION_LAG_MS
from tests.conformance.clients import partitions_of, put, read_all
from tests.conformance.harness import ManualClock
from tests.sqlite_faults.file_damage import MARK, contents, damaged_copy, error_message, flip_in, make_log, open_file
from tests.sqlite_faults.old_format import write_old_format


@pytest.fixture
def good(quick_folder: Path) -> Path:
    file = quick_folder / "good.db"
    make_log(file)
    assert not file.with_name("good.db-wal").exists(), "closing the log moves everything to the file"
    return file


@pytest.mark.parametrize(
    "seeds", [range(60), pytest.param(range(60, 1_000), marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_a_damaged_page_is_detected_or_harmless(good: Path, seeds: range) -> None:
    truth = contents(Path(shutil.copy(good, good.with_name("copy.db"))))
    refused = 0
    for seed in seeds:
        file = good.with_name("damaged.db")
        what = damaged_copy(good, file, seed)
        try:
            assert contents(file) == truth, what
        except ConfigurationError as error:
            refused += 1
            line = str(error)
            assert str(file) in line, what
            assert "restore it from a backup" in line or "upgrade" in line or "another program's" in line, (what, line)
            assert "\n" not in line, what
    assert refused > len(seeds) / 2


def test_a_changed_record_is_detected(good: Path) -> None:
    flip_in(good, MARK)

    line = error_message(good)

    assert line is not None
    assert "topic state partition 0 offset" in line
    assert "is not what was written" in line


def test_a_worker_stops_before_a_damaged_record(good: Path) -> None:
    with closing(open_file(good)) as log:
        (first, *_) = read_all(log, "in", 2)
    assert first.value is not None
    flip_in(good, first.value)
    with closing(open_file(good)) as log:
        worker = log.worker(group="another group", instance="a", topics=["in"])
        with pytest.raises(ConfigurationError, match=r"in partition \d offset 0 is not what was written"):
            worker.poll(max_records=10, timeout_ms=0)


def test_missing_records_are_detected(good: Path) -> None:
    """As if a page of the table was lost and the tree was repaired."""
    with closing(open_file(good)) as log:
        last = read_all(log, "in", 2)[-1]
        middle = [record for record in read_all(log, "state", 2) if record.partition == 1][10]
    for source, offset in ((last.topic_partition, last.offset), (middle.topic_partition, middle.offset)):
        copy = Path(shutil.copy(good, good.with_name("copy.db")))
        with closing(sqlite3.connect(copy)) as sql:
            (id_,) = sql.execute("SELECT id FROM partitions WHERE topic = ? AND number = ?", source).fetchone()
            assert sql.execute("DELETE FROM records WHERE place = ?", (id_ << 40 | offset,)).rowcount == 1
            sql.commit()
        line = error_message(copy)
        assert line is not None
        assert f"topic {source.topic} partition {source.partition} must" in line


@pytest.mark.parametrize("position", [0, 5, 9], ids=["first", "middle", "last"])
def test_a_worker_detects_a_missing_record(quick_folder: Path, position: int) -> None:
    file = quick_folder / "log.db"
    with closing(open_file(file)) as log:
        log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
        put(log, [Message("in", None, b"value")] * 10)
    with closing(sqlite3.connect(file)) as sql:
        (row_id,) = sql.execute("SELECT place FROM records ORDER BY place LIMIT 1 OFFSET ?", (position,)).fetchone()
        sql.execute("DELETE FROM records WHERE place = ?", (row_id,))
        sql.commit()
    with closing(open_file(file)) as log:
        worker = log.worker(group="group", instance="a", topics=["in"])
        with pytest.raises(ConfigurationError, match=r"is damaged \(topic in partition 0"):
            worker.poll(max_records=100, timeout_ms=0)
        # The backlog must not be 0.
        assert log.admin().backlog("group", ["in"]) == 10


def test_compaction_never_deletes_the_latest_record_of_a_key(quick_folder: Path) -> None:
    file, clock = quick_folder / "log.db", ManualClock()
    with closing(open_sqlite(f"sqlite:///{file}", clock=clock)) as log:
        log.admin().create([TopicSpec("state", 1, CleanupPolicy.COMPACT)])
        put(log, [Message("state", key, b"1") for key in (b"a", b"b")])
        with closing(sqlite3.connect(file)) as sql:
            sql.execute("UPDATE latest SET place = (SELECT place FROM latest WHERE key = x'61') WHERE key = x'62'")
            sql.commit()
        put(log, [Message("state", b"b", b"2")])
        clock.advance(COMPACTION_LAG_MS)
        with pytest.raises(ConfigurationError, match=r"is damaged \(a record that is the last of its key is noted as"):
            put(log, [Message("state", b"c", b"1")])
        assert [record.value for record in read_all(log, "state")] == [b"1", b"1", b"2"]


@pytest.mark.parametrize("table", ["committed", "members", "writers"])
def test_a_missing_row_of_a_group_or_writer_is_detected(good: Path, table: str) -> None:
    """Else a group would start again at offset 0, a feeder write again, or a fenced process be accepted."""
    with closing(sqlite3.connect(good)) as sql:
        assert sql.execute(f"DELETE FROM {table}").rowcount > 0  # noqa: S608 - not from outside
        sql.commit()
    line = error_message(good)
    assert line is not None
    assert f"is damaged (the table of {table} must have" in line


def test_a_committed_offset_behind_the_end_is_detected(good: Path) -> None:
    with closing(sqlite3.connect(good)) as sql:
        sql.execute("UPDATE committed SET next_offset = 100000")
        sql.commit()
    with closing(open_file(good)) as log:
        worker = log.worker(group="group", instance="a", topics=["in"])
        with pytest.raises(ConfigurationError, match=r"group group has committed offset 100000"):
            worker.poll(max_records=10, timeout_ms=0)
        with pytest.raises(ConfigurationError, match=r"group group has committed offset 100000"):
            log.admin().backlog("group", ["in"])


def test_an_empty_file_is_refused_unless_create(quick_folder: Path) -> None:
    file = quick_folder / "log.db"
    file.touch()
    with pytest.raises(ConfigurationError, match=rf"{file} is empty: .*restore it from a backup.*topics create"):
        open_sqlite(f"sqlite:///{file}", create=False)
    assert file.stat().st_size == 0
    open_sqlite(f"sqlite:///{file}").close()
    open_sqlite(f"sqlite:///{file}", create=False).close()


@pytest.mark.parametrize("emptied", [True, False], ids=["emptied", "deleted"])
def test_the_write_ahead_log_of_a_missing_file_is_kept(quick_folder: Path, emptied: bool) -> None:
    file = quick_folder / "log.db"
    with closing(open_file(file)) as log:
        admin = log.admin()
        admin.create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
        rest = file.with_name("log.db-wal").read_bytes()
    assert rest
    file.write_bytes(b"") if emptied else file.unlink()
    file.with_name("log.db-wal").write_bytes(rest)

    with pytest.raises(ConfigurationError, match=rf"{file} is empty or missing, but log\.db-wal beside it"):
        open_sqlite(f"sqlite:///{file}")

    assert file.with_name("log.db-wal").read_bytes() == rest


def test_a_log_without_its_write_ahead_log_is_complete_but_older(quick_folder: Path) -> None:
    """The write-ahead log is lost, for example because only the file was copied while a process used it."""
    file, copy = quick_folder / "log.db", quick_folder / "copy.db"
    make_log(file)
    before = contents(Path(shutil.copy(file, quick_folder / "before.db")))
    with closing(open_file(file)) as log:
        writer = log.writer("feeder")
        writer.write([Message("in", None, b"lost")], Progress(50))
        shutil.copy(file, copy)
    assert contents(copy) == before


def test_the_write_ahead_log_of_another_log_is_detected(good: Path) -> None:
    """SQLite does not notice that a write-ahead log belongs to another log."""
    other = good.with_name("other.db")
    with closing(open_file(other)) as log:
        log.admin().create([TopicSpec("in", 3, CleanupPolicy.DELETE)])
        writer = log.writer("feeder")
        writer.write([Message("in", None, b"other %d" % i, partition=i) for i in range(3)], Progress(1))
        foreign = other.with_name("other.db-wal").read_bytes()
    good.with_name("good.db-wal").write_bytes(foreign)
    line = error_message(good)
    assert line is not None
    assert f"{good} is damaged" in line


@pytest.mark.parametrize("cut", [10, 100, 2_000, 5_000])
def test_a_cut_write_ahead_log_ends_with_its_last_complete_transaction(quick_folder: Path, cut: int) -> None:
    file, copy = quick_folder / "log.db", quick_folder / "copy.db"
    with closing(open_file(file)) as log:
        log.admin().create([TopicSpec("in", 1, CleanupPolicy.DELETE)])
        writer = log.writer("feeder")
        for number in range(10):
            writer.write([Message("in", None, b"%d" % number)], Progress(number))
        shutil.copy(file, copy)
        copy.with_name("copy.db-wal").write_bytes(file.with_name("log.db-wal").read_bytes()[:-cut])
    with closing(open_file(copy)) as log:
        found = [int(record.value or b"") for record in read_all(log, "in")]
        assert found == list(range(len(found)))
        assert log.writer("feeder").progress() == Progress(found[-1])
        assert len(found) in (8, 9)


def test_a_moved_file_is_detected_at_once(good: Path) -> None:
    backup = shutil.copy(good, good.with_name("backup.db"))
    with closing(open_file(good)) as log:
        writer, worker = log.writer("feeder"), log.worker(group="group", instance="a", topics=["in"])
        reader = log.reader(partitions_of("in", 2), start="earliest")
        good.rename(good.with_name("elsewhere.db"))
        for use in (
            lambda: writer.write([Message("in", None, b"lost")], Progress(50)),
            lambda: worker.poll(max_records=1, timeout_ms=0),
            lambda: reader.poll(max_records=1, timeout_ms=0),
            lambda: log.admin().backlog("group", ["in"]),
        ):
            with pytest.raises(ConfigurationError, match=rf"{good} was deleted, moved or replaced"):
                use()
        Path(backup).rename(good)  # restored while the log still has the old one open
        with pytest.raises(ConfigurationError, match=rf"{good} was deleted, moved or replaced"):
            writer.write([Message("in", None, b"lost")], Progress(50))


def test_a_log_of_the_previous_format_is_upgraded(quick_folder: Path) -> None:
    file = quick_folder / "log.db"
    write_old_format(file)
    with closing(sqlite3.connect(file)) as older:
        older.execute("UPDATE partitions SET end_offset = end_offset")
        older.commit()
        open_file(file).close()
        with pytest.raises(sqlite3.OperationalError, match="no such column: end_offset"):
            older.execute("UPDATE partitions SET end_offset = end_offset")
    with closing(open_file(file)) as log:
        assert [record.value for record in read_all(log, "kept")] == [b"0", b"1", b"2"]
        assert [record.offset for record in read_all(log, "short")] == [7, 8]
        assert [record.offset for record in read_all(log, "state", 2)] == [0, 3]
        assert log.admin().start_offsets(["short", "state"]) == {
            TopicPartition("short", 0): 7,
            TopicPartition("state", 0): 0,
            TopicPartition("state", 1): 0,
        }
        assert log.admin().backlog("group", ["kept"]) == 2
        writer = log.writer("feeder")
        assert writer.progress() == Progress(7, "note")
        writer.write([Message("kept", None, b"3")], Progress(8))
        assert [record.offset for record in read_all(log, "kept")] == [0, 1, 2, 3]
