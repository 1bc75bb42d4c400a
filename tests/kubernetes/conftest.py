"""A real Kubernetes API server with simulated nodes, on this machine alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.kubernetes.cluster import Cluster

ROOT: Final = Path(__file__).parents[2]
HOW_TO_RUN: Final = "needs kubectl and a Kubernetes for tests: KUBERNETES_HOME=FOLDER or ../shared/kubernetes"


@pytest.fixture(scope="session")
def kubernetes_home() -> Path:
    """Return the folder with `start`, `stop`, `bin/kubeconform` and the schemas."""
    home = _find_home()
    if home is None or shutil.which("kubectl") is None:
        pytest.skip(HOW_TO_RUN)
    return home


@pytest.fixture(scope="session")
def cluster(kubernetes_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with three simulated nodes, on which each pod that is admitted and scheduled is Ready at once."""
    cluster = Cluster(kubernetes_home, tmp_path_factory.mktemp("kubernetes"))
    cluster.start()
    yield cluster
    cluster.stop()


def _find_home() -> Path | None:
    configured = os.environ.get("KUBERNETES_HOME")
    if configured and (Path(configured) / "start").is_file():
        return Path(configured)
    script = ROOT.parent / "shared" / "kubernetes" / "cluster"
    if not script.is_file():
        return None
    unpacked = subprocess.run([script, "home"], capture_output=True, text=True, check=True)
    return Path(unpacked.stdout.strip())
