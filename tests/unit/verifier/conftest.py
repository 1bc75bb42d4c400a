"""Good books, to be spoiled."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from newsloom.contracts.topics import ARTICLES
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from tests.unit.verifier.desk import Desk
from tests.unit.verifier.newsroom import Newsroom, in_edition, resolved
from tests.unit.verifier.weeks import a_busy_week


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Good books: a busy week in one edition, its articles in another, and a record that is none."""
    file = tmp_path_factory.mktemp("good") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model="test", partitions=2, state_partitions=3)
    with closing(open_log_url(given.log)) as log:
        newsroom = Newsroom(log, given)
        events = resolved(a_busy_week())
        newsroom.take_in([*events, *in_edition(events, "de")])
        newsroom.write(ARTICLES, [b"{"])
        newsroom.drain("embedder", "clusterer")
    return Desk(file, given)


@pytest.fixture
def desk(good: Desk, tmp_path: Path) -> Desk:
    """A copy of the good books."""
    return good.copied(tmp_path / "news.db")
