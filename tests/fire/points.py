"""`python -m tests.fire.points HOW WHAT FOLDER STEP`: kill a process at every point of a change to the log, and look each time.

A child of its own makes the change to a copy of one file and is killed by the kernel, with SIGKILL or its like, at a point that
moves on with each child: before a statement, at an instruction of SQLite's virtual machine, or at a byte of a write to the disk.
What is found afterwards must be what stood there before, or what an undisturbed change leaves; once the change was
acknowledged, the latter. Prints a JSON object with the number of points and of those that left the one or the other.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.sqlite import open_sqlite
from tests.conformance.clients import read_all
from tests.fire.changes import CHANGES, LATER_MS, OPENINGS, SPECS, base

AT_ONCE: Final = -1
"""The point before the change."""
GO_ON_EVERY: Final = 5
"""After so many points another child makes the change where the last one was killed."""
ACKNOWLEDGED: Final = b"acknowledged"
DUMP: Final = {
    "topics": "SELECT * FROM topics ORDER BY name",
    "partitions": "SELECT * FROM partitions ORDER BY id",
    "records": "SELECT * FROM records ORDER BY place",
    "latest": "SELECT * FROM latest ORDER BY partition, key",
    "obsolete": "SELECT * FROM obsolete ORDER BY due_ms, place",
    "members": "SELECT * FROM members ORDER BY consumer_group, instance",
    "owners": "SELECT * FROM owners ORDER BY consumer_group, partition",
    "committed": "SELECT * FROM committed ORDER BY consumer_group, partition",
    "writers": "SELECT * FROM writers ORDER BY name",
    "counts": "SELECT * FROM counts ORDER BY name",
}


def arm_statements(sql: sqlite3.Connection, nth: int) -> None:
    """Before the nth statement."""
    left = nth

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sql.set_trace_callback(count)


def arm_instructions(sql: sqlite3.Connection, nth: int) -> None:
    """At the nth instruction of SQLite's virtual machine."""

    def end() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 1

    sql.set_progress_handler(end, nth)


def arm_bytes(_sql: sqlite3.Connection, nth: int) -> None:
    """At whatever is written at the nth byte of a file or behind it: the kernel writes what lies before, then kills."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (nth, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


ARMS: Final = {"statements": arm_statements, "instructions": arm_instructions, "bytes": arm_bytes}


def child(how: str, what: str, file: Path, nth: int | None, told: int) -> None:
    """Make the change; killed at the nth point, or never. Says in the pipe `told` when it has been acknowledged."""
    connections: list[sqlite3.Connection] = []
    armed = what in OPENINGS
    connect = sqlite3.connect

    def connect_armed(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, **options))
        arm_one(connections[-1])
        return connections[-1]

    def arm_one(sql: sqlite3.Connection) -> None:
        # Some have been closed since.
        with suppress(sqlite3.ProgrammingError):
            if armed and nth is not None:
                ARMS[how](sql, nth)

    def arm() -> None:
        nonlocal armed
        armed = True
        if nth == AT_ONCE:
            os.kill(os.getpid(), signal.SIGKILL)
        for sql in connections:
            arm_one(sql)

    sqlite3.connect = connect_armed  # type: ignore[assignment]  # `connect` is overloaded; this passes all on
    log = open_sqlite(f"sqlite:///{file}", clock=lambda: LATER_MS)
    if what in CHANGES:
        CHANGES[what](log, arm)
    os.write(told, ACKNOWLEDGED)
    os._exit(0)


def run_child(how: str, what: str, file: Path, nth: int | None) -> tuple[bool, bool]:
    """Whether the change was acknowledged, and whether the child was killed."""
    heard, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(heard)
        try:
            child(how, what, file, nth, told)
        except BaseException:  # noqa: BLE001 - told, and then the process ends without a word more
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(heard, "rb") as pipe:
        acknowledged = pipe.read() == ACKNOWLEDGED
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL, -signal.SIGXFSZ), f"the child ended with {status}"
    return acknowledged, status != 0


def dump(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that stands in the file, which must be in order; nothing where there is no log yet."""
    with closing(sqlite3.connect(file)) as sql:
        assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not sql.execute("PRAGMA application_id").fetchone()[0]:
            assert sql.execute("SELECT * FROM sqlite_master").fetchall() == []
            return {}
        assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
        (version,) = sql.execute("PRAGMA user_version").fetchone()
        queries = {table: query for table, query in DUMP.items() if table != "counts" or version > 1}
        return {"version": [(version,)], **{table: sql.execute(query).fetchall() for table, query in queries.items()}}


def seen(file: Path) -> list[object] | None:
    """What a log's users see in the file; None if it is refused."""
    try:
        with closing(open_sqlite(f"sqlite:///{file}", clock=lambda: LATER_MS)) as log:
            names = sorted(log.admin().describe([spec.name for spec in SPECS]))
            partitions = {source.topic: source.partition + 1 for source in sorted(log.admin().end_offsets(names))}
            return [read_all(log, name, partitions[name]) for name in names]
    except ConfigurationError:
        return None


def fresh(what: str, folder: Path) -> Path:
    """A file as it stands before the change."""
    file = folder / "log.db"
    for old in folder.glob("log.db*"):
        old.unlink()
    if what in OPENINGS:
        OPENINGS[what](file)
    else:
        shutil.copy(folder / "base.db", file)
    return file


def limits(how: str, what: str, folder: Path, step: int) -> range:
    """The points to try."""
    if how != "bytes":
        return range(1, sys.maxsize, step)
    file = fresh(what, folder)
    run_child(how, what, file, None)
    written = max(path.stat().st_size for path in folder.glob("log.db*") if path.suffix != ".db-shm")
    return range(0, written, step)


def main(how: str, what: str, folder: Path, step: int) -> None:
    if what in CHANGES:
        base(folder / "base.db")
    file = fresh(what, folder)
    if what in CHANGES:
        run_child(how, what, file, AT_ONCE)
    before = dump(file)
    run_child(how, what, file := fresh(what, folder), None)
    after, written = dump(file), seen(file)
    whole = [written, seen(fresh(what, folder))] if what == "checkpoint" else []
    found: Counter[str] = Counter()
    for nth in limits(how, what, folder, step):
        file = fresh(what, folder)
        acknowledged, killed = run_child(how, what, file, nth)
        if not killed:
            break
        if what == "checkpoint":
            alone = seen(Path(shutil.copy(file, folder / "alone.db")))
            found["refused" if alone is None else "whole"] += 1
            assert alone in (None, *whole), f"point {nth}: without its last writes the file is a mixture"
        stands = dump(file)
        left = sorted(table for table in after if stands.get(table) not in (before.get(table), after[table]))
        assert stands == after or (stands == before and not acknowledged), f"point {nth}, {acknowledged}: {left}"
        found["after" if stands == after else "before"] += 1
        if (found["before"] + found["after"]) % GO_ON_EVERY == 0:
            assert run_child(how, what, file, None) == (True, False), f"point {nth}: the next one could not go on"
    print(json.dumps({"points": found["before"] + found["after"], **found}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
