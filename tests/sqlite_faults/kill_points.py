"""`python -m tests.sqlite_faults.kill_points KIND OPERATION FOLDER STEP`: kill processes at every point of an operation.

For each point, a child process runs the operation on a copy of the file and is killed there: before a statement, at an
instruction of SQLite's virtual machine, or at a byte of a write to the disk. The file must then be as before the operation or as
after an undisturbed one; once the operation was acknowledged, as after. Prints a JSON object with the number of points, and kind
many of them left the file as before and as after.
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
from tests.sqlite_faults.operations import LATER_MS, OPENINGS, OPERATIONS, SPECS, create_base_log

AT_ONCE: Final = -1
"""The point before the operation."""
REPEAT_EVERY: Final = 5
"""At one in so many points another child repeats the operation on the file of the killed one."""
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
    "clock": "SELECT * FROM clock",
    "counts": "SELECT * FROM counts ORDER BY name",
}
ADDED: Final = {"counts": 2, "clock": 3}
"""The versions of the format that added tables."""


def arm_statements(sql: sqlite3.Connection, nth: int) -> None:
    """Kill this process before the nth statement."""
    left = nth

    def count(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sql.set_trace_callback(count)


def arm_instructions(sql: sqlite3.Connection, nth: int) -> None:
    """Kill this process at the nth instruction of SQLite's virtual machine."""

    def end() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 1

    sql.set_progress_handler(end, nth)


def arm_bytes(_sql: sqlite3.Connection, nth: int) -> None:
    """Let the kernel kill this process when it writes at the nth byte of a file or after it; the bytes before are written."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (nth, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


ARMS: Final = {"statements": arm_statements, "instructions": arm_instructions, "bytes": arm_bytes}


def child(kind: str, operation: str, file: Path, nth: int | None, pipe: int) -> None:
    """Run the operation, and kill this process at the nth point, if any; write to the pipe `pipe` when it is acknowledged."""
    connections: list[sqlite3.Connection] = []
    armed = operation in OPENINGS
    connect = sqlite3.connect

    def connect_armed(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connections.append(connect(*arguments, **options))
        arm_one(connections[-1])
        return connections[-1]

    def arm_one(sql: sqlite3.Connection) -> None:
        # Some connections are closed already.
        with suppress(sqlite3.ProgrammingError):
            if armed and nth is not None:
                ARMS[kind](sql, nth)

    def arm() -> None:
        nonlocal armed
        armed = True
        if nth == AT_ONCE:
            os.kill(os.getpid(), signal.SIGKILL)
        for sql in connections:
            arm_one(sql)

    sqlite3.connect = connect_armed  # type: ignore[assignment]  # `connect` is overloaded; this passes all arguments
    log = open_sqlite(f"sqlite:///{file}", clock=lambda: LATER_MS)
    if operation in OPERATIONS:
        OPERATIONS[operation](log, arm)
    os.write(pipe, ACKNOWLEDGED)
    os._exit(0)


def run_child(kind: str, operation: str, file: Path, nth: int | None) -> tuple[bool, bool]:
    """Return whether the operation was acknowledged, and whether the child was killed."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        try:
            child(kind, operation, file, nth, write_end)
        except BaseException:  # noqa: BLE001 - printed; then the process ends
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        acknowledged = pipe.read() == ACKNOWLEDGED
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL, -signal.SIGXFSZ), f"the child ended with {status}"
    return acknowledged, status != 0


def dump(file: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of the file, after an integrity check; nothing if it is not a log yet."""
    with closing(sqlite3.connect(file)) as sql:
        assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        if not sql.execute("PRAGMA application_id").fetchone()[0]:
            assert sql.execute("SELECT * FROM sqlite_master").fetchall() == []
            return {}
        assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
        (version,) = sql.execute("PRAGMA user_version").fetchone()
        queries = {table: query for table, query in DUMP.items() if version >= ADDED.get(table, 1)}
        return {"version": [(version,)], **{table: sql.execute(query).fetchall() for table, query in queries.items()}}


def read_log(file: Path) -> list[object] | None:
    """Return the records that users read from the file, or None if it cannot be opened."""
    try:
        with closing(open_sqlite(f"sqlite:///{file}", clock=lambda: LATER_MS)) as log:
            names = sorted(log.admin().describe([spec.name for spec in SPECS]))
            partitions = {source.topic: source.partition + 1 for source in sorted(log.admin().end_offsets(names))}
            return [read_all(log, name, partitions[name]) for name in names]
    except ConfigurationError:
        return None


def prepare_file(operation: str, folder: Path) -> Path:
    """Create the file as it is before the operation."""
    file = folder / "log.db"
    for old in folder.glob("log.db*"):
        old.unlink()
    if operation in OPENINGS:
        OPENINGS[operation](file)
    else:
        shutil.copy(folder / "base.db", file)
    return file


def points(kind: str, operation: str, folder: Path, step: int) -> range:
    """Return the points to try."""
    if kind != "bytes":
        return range(1, sys.maxsize, step)
    file = prepare_file(operation, folder)
    run_child(kind, operation, file, None)
    written = max(path.stat().st_size for path in folder.glob("log.db*") if path.suffix != ".db-shm")
    return range(0, written, step)


def main(kind: str, operation: str, folder: Path, step: int) -> None:
    if operation in OPERATIONS:
        create_base_log(folder / "base.db")
    file = prepare_file(operation, folder)
    if operation in OPERATIONS:
        run_child(kind, operation, file, AT_ONCE)
    before = dump(file)
    run_child(kind, operation, file := prepare_file(operation, folder), None)
    after, written = dump(file), read_log(file)
    whole = [written, read_log(prepare_file(operation, folder))] if operation == "checkpoint" else []
    found: Counter[str] = Counter()
    for nth in points(kind, operation, folder, step):
        file = prepare_file(operation, folder)
        acknowledged, killed = run_child(kind, operation, file, nth)
        if not killed:
            break
        if operation == "checkpoint":
            alone = read_log(Path(shutil.copy(file, folder / "alone.db")))
            found["refused" if alone is None else "whole"] += 1
            assert alone in (None, *whole), f"point {nth}: without the write-ahead log the file is a mixture"
        found_rows = dump(file)
        left = sorted(table for table in after if found_rows.get(table) not in (before.get(table), after[table]))
        assert found_rows == after or (found_rows == before and not acknowledged), (
            f"point {nth}, {acknowledged}: {left}"
        )
        found["after" if found_rows == after else "before"] += 1
        if (found["before"] + found["after"]) % REPEAT_EVERY == 0:
            assert run_child(kind, operation, file, None) == (True, False), (
                f"point {nth}: the next process could not repeat it"
            )
    print(json.dumps({"points": found["before"] + found["after"], **found}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
