"""Several processes on one file, some of them killed."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newsloom.streaming.log import Admin, CleanupPolicy, Log, TopicSpec
from newsloom.streaming.records import TopicPartition
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import numbered, partitions_of, put, read_all, steps
from tests.conformance.copier import GROUP

Start = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture
def log(url: str) -> Iterator[Log]:
    log = open_sqlite(url)
    yield log
    log.close()


@pytest.fixture
def start(url: str) -> Iterator[Start]:
    """A function that starts a copier under an instance name."""
    running: list[subprocess.Popen[bytes]] = []

    def start(instance: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.conformance.copier", url, instance, "500"]
        running.append(subprocess.Popen(command, cwd=Path(__file__).parents[2]))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def create(admin: Admin, partitions: int) -> None:
    specs = [TopicSpec(name, partitions, CleanupPolicy.DELETE) for name in ("in", "out")]
    admin.create([*specs, TopicSpec("count", partitions, CleanupPolicy.COMPACT)])


def feed(log: Log, partitions: int, count: int) -> None:
    put(log, [message for number in range(partitions) for message in numbered("in", count, partition=number)])


def copied(admin: Admin) -> int:
    return sum(admin.end_offsets(["out"]).values())


def wait_for(what: str, condition: Callable[[], bool], log: Log) -> None:
    """Wait until the condition holds; check it after each change of `out`, which ends the poll of a reader."""
    reader = log.reader(partitions_of("out", log.admin().describe(["out"])["out"].partitions), start="latest")
    for _ in steps(what):
        if condition():
            break
        reader.poll(max_records=1, timeout_ms=20)
    reader.close()


def assert_copied_once(log: Log, partitions: int, count: int) -> None:
    for number in range(partitions):
        mine = [record.value for record in read_all(log, "out", partitions) if record.partition == number]
        assert mine == [b"%d" % i for i in range(count)]
        last = [record.value for record in read_all(log, "count", partitions) if record.partition == number][-1]
        assert last == b"%d" % count


def test_a_process_killed_at_any_moment_loses_and_duplicates_nothing(log: Log, start: Start) -> None:
    admin = log.admin()
    create(admin, partitions=1)
    chance = random.Random(3)  # noqa: S311 - not for security
    total = 0
    for _ in range(6):
        feed_from, total = total, total + 300
        put(log, numbered("in", 300, start=feed_from))
        before = copied(admin)
        process = start("a")
        goal = before + chance.randrange(1, 250)
        wait_for("some progress", lambda goal=goal: copied(admin) >= goal, log)  # type: ignore[misc]  # mypy infers no lambda with a default
        process.kill()
        process.wait()
        assert len(read_all(log, "out")) == copied(admin)
    start("a")
    wait_for("the end", lambda: admin.backlog(GROUP, ["in"]) == 0, log)
    assert_copied_once(log, 1, total)


def test_two_processes_share_the_partitions_and_one_survives_the_other(log: Log, start: Start) -> None:
    admin = log.admin()
    create(admin, partitions=4)
    first, second = start("a"), start("b")
    feed(log, 4, 100)
    wait_for("some progress", lambda: copied(admin) >= 20, log)
    first.kill()
    first.wait()
    wait_for("the other one to finish", lambda: admin.backlog(GROUP, ["in"]) == 0, log)
    assert second.poll() is None
    assert_copied_once(log, 4, 100)


def test_a_second_process_of_an_instance_ends_the_first(log: Log, start: Start) -> None:
    admin = log.admin()
    create(admin, partitions=2)
    older = start("a")
    feed(log, 2, 50)
    wait_for("some progress", lambda: copied(admin) > 0, log)
    newer = start("a")
    assert older.wait(timeout=60) != 0
    wait_for("the newer one to finish", lambda: admin.backlog(GROUP, ["in"]) == 0, log)
    assert newer.poll() is None
    assert_copied_once(log, 2, 50)


def test_several_processes_may_open_a_new_file_at_once(url: str) -> None:
    program = (
        "import sys; from newsloom.streaming.sqlite import open_sqlite;"
        "from newsloom.streaming.log import Progress;"
        "open_sqlite(sys.argv[1]).writer(sys.argv[2]).write([], Progress(1))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, url, str(i)]) for i in range(4)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 4
    log = open_sqlite(url)
    assert [log.writer(str(i)).progress() is not None for i in range(4)] == [True] * 4
    log.close()


def test_a_reader_never_sees_part_of_a_transaction(url: str, log: Log) -> None:
    create(log.admin(), partitions=2)
    program = (
        "import sys; from newsloom.streaming.sqlite import open_sqlite;"
        "from newsloom.streaming.log import Progress; from newsloom.streaming.records import Message;"
        "writer = open_sqlite(sys.argv[1]).writer('w');"
        "[writer.write([Message(t, b'k', b'v', partition=p) for t in ('in', 'out') for p in (0, 1)], Progress(i))"
        " for i in range(300)]"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, url])
    sources = [TopicPartition(topic, number) for topic in ("in", "out") for number in (0, 1)]
    reader = log.reader(sources, start="earliest")
    counts = dict.fromkeys(sources, 0)
    for _ in steps("all transactions"):
        for record in reader.poll(max_records=10_000, timeout_ms=20):
            counts[record.topic_partition] += 1
        assert len(set(counts.values())) == 1
        if counts[sources[0]] == 300:
            break
    assert writer.wait(timeout=60) == 0
