"""The number of encoder threads follows the CPU limit of the container, not the cores of its node."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.embedder.cpu_quota import limit_threads


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def threads(folder: Path, cores: int = 64) -> int:
    return limit_threads(cores, cgroups=folder / "sys", membership=folder / "membership")


@pytest.mark.parametrize(
    ("cpu_max", "expected"),
    [("100000 100000", 1), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("max 100000", 64),
     ("12800000 100000", 64), ("", 64)],
)  # fmt: skip
def test_version_2_in_a_container(tmp_path: Path, cpu_max: str, expected: int) -> None:
    write(tmp_path / "membership", "0::/\n")
    write(tmp_path / "sys/cpu.max", f"{cpu_max}\n")
    assert threads(tmp_path) == expected


def test_version_2_obeys_the_cgroups_above(tmp_path: Path) -> None:
    write(tmp_path / "membership", "0::/system.slice/newsloom.service\n")
    write(tmp_path / "sys/system.slice/cpu.max", "300000 100000\n")
    write(tmp_path / "sys/system.slice/newsloom.service/cpu.max", "max 100000\n")
    assert threads(tmp_path) == 3


@pytest.mark.parametrize("mounted", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "expected"), [("100000", 1), ("250000", 3), ("-1", 64)])
def test_version_1_in_a_container_that_sees_the_path_on_its_host(
    tmp_path: Path, mounted: str, quota: str, expected: int
) -> None:
    write(tmp_path / "membership", "4:memory:/kubepods/pod1/c1\n3:cpu,cpuacct:/kubepods/pod1/c1\n1:name=systemd:/c1\n")
    write(tmp_path / "sys" / mounted / "cpu.cfs_quota_us", f"{quota}\n")
    write(tmp_path / "sys" / mounted / "cpu.cfs_period_us", "100000\n")
    assert threads(tmp_path) == expected


def test_the_quota_of_another_cgroup_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "membership", "0::/mine\n")
    write(tmp_path / "sys/mine/cpu.max", "max 100000\n")
    write(tmp_path / "sys/other/cpu.max", "100000 100000\n")
    assert threads(tmp_path) == 64


def test_without_cgroups_the_cores_count(tmp_path: Path) -> None:
    assert threads(tmp_path, cores=8) == 8
