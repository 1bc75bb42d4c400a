"""A process is killed at every point of a change to the log: the change is there, or it is not, and never a part of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

slow = pytest.mark.slow

CHANGES = ["commit", "write", "open-writer", "join", "create", "new-file", "upgrade"]


def kill_at_points(how: str, what: str, folder: Path, step: int) -> dict[str, int]:
    """How many points there were, and how many of them left the change `before` and `after`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.fire.points", how, what, str(folder), str(step)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts: dict[str, int] = json.loads(done.stdout)
    return counts


@pytest.mark.parametrize("what", ["commit", *(pytest.param(change, marks=slow) for change in CHANGES[1:])])
def test_before_each_statement(quick_folder: Path, what: str) -> None:
    counts = kill_at_points("statements", what, quick_folder, 1)
    assert counts["points"] >= (50 if what == "commit" else 5)
    assert counts["before"] >= 5, "whoever is killed before COMMIT has done nothing"


@slow
@pytest.mark.parametrize("what", CHANGES)
def test_at_each_instruction_of_the_virtual_machine(quick_folder: Path, what: str) -> None:
    counts = kill_at_points("instructions", what, quick_folder, 1 if what != "upgrade" else 3)
    assert counts["before"] >= 40


@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("commit", 6_007),
        *(pytest.param(change, 499, marks=slow) for change in ["commit", "write", "open-writer", "join"]),
    ],
)
def test_in_the_middle_of_what_goes_to_the_disk(quick_folder: Path, what: str, step: int) -> None:
    counts = kill_at_points("bytes", what, quick_folder, step)
    assert counts["before"] >= 5, "killed in the write-ahead log"
    assert counts["after"] >= 2, "killed while what is committed goes to its place in the file"


@slow
@pytest.mark.parametrize("what", ["create", "new-file", "upgrade"])
def test_in_the_middle_of_what_goes_to_the_disk_as_a_file_begins(quick_folder: Path, what: str) -> None:
    counts = kill_at_points("bytes", what, quick_folder, 499)
    assert counts["points"] >= 60


@slow
def test_while_the_last_one_to_leave_writes_everything_to_its_place(quick_folder: Path) -> None:
    counts = kill_at_points("bytes", "checkpoint", quick_folder, 499)
    assert counts["after"] == counts["points"] >= 100
    # Had the write-ahead log been lost then: the file alone is one of the two states, or it is refused.
    assert counts["refused"] >= 50
    assert counts["whole"] >= 1
