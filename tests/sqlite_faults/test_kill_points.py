"""A process is killed at every point of an operation; the log then has all of its changes or none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

slow = pytest.mark.slow

OPERATIONS = ["commit", "write", "open-writer", "join", "create", "new-file", "upgrade"]


def kill_at_points(kind: str, operation: str, folder: Path, step: int) -> dict[str, int]:
    """Return the number of points, and how many of them left the file as `before` and as `after` the operation."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sqlite_faults.kill_points", kind, operation, str(folder), str(step)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


@pytest.mark.parametrize(
    "operation", ["commit", *(pytest.param(operation, marks=slow) for operation in OPERATIONS[1:])]
)
def test_before_each_statement(quick_folder: Path, operation: str) -> None:
    counts = kill_at_points("statements", operation, quick_folder, 1)
    assert counts["points"] >= (50 if operation == "commit" else 5)
    assert counts["before"] >= 5, "killed before COMMIT, so nothing is written"


@slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_at_each_instruction_of_the_virtual_machine(quick_folder: Path, operation: str) -> None:
    counts = kill_at_points("instructions", operation, quick_folder, 1 if operation != "upgrade" else 3)
    assert counts["before"] >= 40


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        ("commit", 6_007),
        *(pytest.param(operation, 499, marks=slow) for operation in ["commit", "write", "open-writer", "join"]),
    ],
)
def test_in_the_middle_of_writes_to_the_disk(quick_folder: Path, operation: str, step: int) -> None:
    counts = kill_at_points("bytes", operation, quick_folder, step)
    assert counts["before"] >= 5, "killed in the write-ahead log"
    assert counts["after"] >= 2, "killed while committed pages are moved to the file"


@slow
@pytest.mark.parametrize("operation", ["create", "new-file", "upgrade"])
def test_in_the_middle_of_the_first_writes_to_a_file(quick_folder: Path, operation: str) -> None:
    counts = kill_at_points("bytes", operation, quick_folder, 499)
    assert counts["points"] >= 60


@slow
def test_during_the_checkpoint_of_the_last_connection(quick_folder: Path) -> None:
    counts = kill_at_points("bytes", "checkpoint", quick_folder, 499)
    assert counts["after"] == counts["points"] >= 100
    # If the write-ahead log is lost too, the file has one of the two states, or it is refused.
    assert counts["refused"] >= 50
    assert counts["whole"] >= 1
