from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.cli.harness import CliHarness
from tests.unit.cli.running_services import RunningServices


@pytest.fixture
def harness(tmp_path: Path) -> CliHarness:
    return CliHarness(tmp_path)


@pytest.fixture
def stopped_services(tmp_path: Path) -> Iterator[RunningServices]:
    """Topics, and no service that runs."""
    with capture_logs():
        services = RunningServices(tmp_path)
        yield services
        services.stop()


@pytest.fixture
def services(stopped_services: RunningServices) -> RunningServices:
    """Both services, with some stories."""
    stopped_services.start()
    stopped_services.process_examples()
    return stopped_services
