"""Start and stop a Kubernetes cluster, and run kubectl against it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, Any

import yaml

OVERLAYS = Path(__file__).parents[2] / "deploy" / "kubernetes" / "overlays"
NAMESPACE = "newsloom"
CGROUPS = Path("/sys/fs/cgroup")
NODE_SHARE = 16
"""The weight of the real node, as a multiple of that of another process."""


def render(overlay: str) -> str:
    """Return the resources of an overlay, as `kubectl apply -k` would send them."""
    return _run(["kubectl", "kustomize", str(OVERLAYS / overlay)]).stdout


def parse(manifests: str) -> list[dict[str, Any]]:
    """Return the resources of a text with several YAML documents."""
    return [one for one in yaml.safe_load_all(manifests) if one is not None]


class Cluster:
    """A cluster whose state is in `directory`. The folder `home` has the programs `start`, `stop` and `node`."""

    def __init__(self, home: Path, directory: Path) -> None:
        self._home = home
        self._directory = directory

    def start(self, *options: str) -> None:
        """Start it with the definitions of Strimzi, KEDA and the Prometheus operator."""
        # To a file: the servers that it starts inherit the output and would keep a pipe open.
        with (self._directory / "start.log").open("wb") as log:
            subprocess.run(
                [self._home / "start", self._directory, "--crds", *options], stdout=log, stderr=log, check=True
            )

    def stop(self) -> None:
        """End its processes and remove its state."""
        subprocess.run([self._home / "stop", self._directory, "--purge"], capture_output=True, check=True)

    def kubectl(self, *arguments: str, manifests: str = "") -> str:
        """Run kubectl with these manifests as its input; return its output."""
        return self.try_kubectl(*arguments, manifests=manifests, check=True).stdout

    def try_kubectl(
        self, *arguments: str, manifests: str = "", check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; return its result even if it fails."""
        environment = os.environ | {"KUBECONFIG": str(self._directory / "kubeconfig")}
        return _run(["kubectl", *arguments], manifests=manifests, environment=environment, check=check)

    def favour_node(self) -> None:
        """Give the real node more CPU than other programs of this machine, which would starve pods of what they request.

        All that runs on the node is one control group, with the share of one other process.
        """
        group = self._group()
        for file, weight in (
            (CGROUPS / f"cpu{group}" / "cpu.shares", 1_024),
            (CGROUPS / group[1:] / "cpu.weight", 100),
        ):
            if file.exists():
                file.write_text(str(NODE_SHARE * weight))

    def adopt(self, process: int) -> None:
        """Let a process of this machine have its share of CPU from the real node."""
        group = self._group()
        for file in (CGROUPS / f"cpu{group}" / "cgroup.procs", CGROUPS / group[1:] / "cgroup.procs"):
            if file.exists():
                file.write_text(str(process))

    def _group(self) -> str:
        """Return the path of the node's control group, which begins with a slash."""
        return (self._directory / "node" / "cgroup").read_text().strip()

    def start_on_node(self, *command: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program of this machine in the network of the real node."""
        return subprocess.Popen([self._home / "node", self._directory, "exec", *command], stdout=output, stderr=output)

    def node(self, verb: str, *arguments: str, check: bool = True) -> str:
        """Run a command of the real node; return its output. There is one if the cluster was started with `--node`."""
        return _run([str(self._home / "node"), str(self._directory), verb, *arguments], check=check).stdout


def _run(
    command: list[str], *, manifests: str = "", environment: dict[str, str] | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, input=manifests, capture_output=True, text=True, env=environment, check=False)
    assert not check or result.returncode == 0, result.stderr
    return result
