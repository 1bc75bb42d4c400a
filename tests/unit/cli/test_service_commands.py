from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.unit.cli.harness import CliHarness

WITHOUT_PACKAGES = """
import sys
class MissingPackages:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "sentence_transformers", "faiss", "numpy", "hdbscan", "starlette"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, MissingPackages())
sys.argv = ["newsloom", *sys.argv[1:]]
from services.cli.__main__ import main
main()
"""


@pytest.mark.parametrize("service", ["embedder", "clusterer", "storypage"])
def test_a_missing_extra_is_named(service: str, harness: CliHarness) -> None:
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGES, "--log", harness.settings.log, service],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert result.returncode == 78
    assert f"pip install 'newsloom[{service}]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_command_exits_with_the_services_status() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "services.cli", "--log", "sqlite://", "clusterer"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 78
    assert "news.dead-letters do not exist: run `newsloom topics create`" in result.stderr
