from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.harness import Newsroom


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    return Newsroom(tmp_path)
