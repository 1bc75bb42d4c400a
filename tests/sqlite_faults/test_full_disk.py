"""A log on a full disk of two megabytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

IN_A_NAMESPACE = ("unshare", "--map-root-user", "--mount")
"""A command prefix: run a command in a mount namespace of its own."""
MOUNT = 'mount -t tmpfs -o size=2m none "$1" && exec "$2" -m tests.sqlite_faults.full_disk_process "$1"'


def can_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = [*IN_A_NAMESPACE, "mount", "-t", "tmpfs", "none", str(folder)]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def test_a_full_disk_refuses_writes_and_keeps_everything(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("needs the right to mount in a namespace of its own (unshare --map-root-user --mount)")
    run = subprocess.run(
        [*IN_A_NAMESPACE, "sh", "-c", MOUNT, "sh", str(tmp_path), sys.executable],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    *_, new_file = lines = run.stdout.splitlines()
    assert len(lines) == 6
    assert all(line.startswith(f"NEWSLOOM_LOG: {tmp_path}/") for line in lines), lines
    assert all("database or disk is full" in line for line in lines[:-1]), lines
    assert "on a disk with free space" in new_file
