"""Read how many CPUs the cgroup of this process may use: a container's CPU limit.

A process in a container sees all cores of its node. With a thread for each of them, the container spends its quota in a fraction
of each period and the kernel then stops all its threads, those that answer probes and the broker included.
https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu, https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

CGROUPS: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")
UNLIMITED: Final = {"max", "-1"}


def limit_threads(cores: int, *, cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return `cores`, or the CPU quota rounded up if that is lower; at least 1."""
    quota = min(_quotas(cgroups, membership), default=math.inf)
    return max(1, cores if quota >= cores else math.ceil(quota))


def _quotas(cgroups: Path, membership: Path) -> Iterator[float]:
    """Yield the CPU quotas of the process's cgroup and of those above it, in CPUs."""
    for hierarchy, path in _memberships(membership):
        # In a container the path may be the host's, while the mounted hierarchy begins at the container's own cgroup.
        for folder in _existing_folders(cgroups / hierarchy, path):
            text = (
                _read(folder / "cpu.max")
                or f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}"
            )
            quota, _, period = text.partition(" ")
            if quota not in UNLIMITED and quota.isdigit() and period.isdigit() and int(period):
                yield int(quota) / int(period)


def _memberships(membership: Path) -> Iterator[tuple[str, str]]:
    """Yield the folder of each hierarchy that limits CPUs, and the process's path in it; version 2 has no folder of its own."""
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield "", path
        elif "cpu" in controllers.split(","):
            yield controllers, path
            yield "cpu", path


def _existing_folders(root: Path, path: str) -> Iterator[Path]:
    folder = root / path.strip("/")
    yield from (each for each in (folder, *folder.parents) if each.is_relative_to(root) and each.is_dir())


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
