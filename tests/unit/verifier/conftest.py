"""A consistent log to corrupt."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLES
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops, in_edition, resolve_commands


@pytest.fixture(scope="session")
def consistent_log(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    """Return a consistent log: a busy week in one edition, its articles in another, and a record that is not an article."""
    file = tmp_path_factory.mktemp("consistent") / "news.db"
    settings = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=3)
    with closing(open_log_url(settings.log)) as log:
        loops = ServiceLoops(log, settings)
        events = resolve_commands(busy_week())
        loops.feed([*events, *in_edition(events, "de")])
        loops.write(ARTICLES, [b"{"])
        loops.drain("embedder", "clusterer")
    return LogFile(file, settings)


@pytest.fixture
def log_file(consistent_log: LogFile, tmp_path: Path) -> LogFile:
    """Return a copy of the consistent log."""
    return consistent_log.copy_to(tmp_path / "news.db")
