"""Installations to prove things on, and the whole replay that several proofs share."""

from __future__ import annotations

import gzip
import os
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.acceptance.installation import Installation
from tests.acceptance.replay import Replay, replay

REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
DATA: Final = "NEWSLOOM_TEST_DATA"

NewInstallation = Callable[[str], Installation]


@pytest.fixture(scope="session")
def new_installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NewInstallation]:
    """Makes an installation of its own on "sqlite" or "kafka"."""
    made: list[Installation] = []

    def make(kind: str) -> Installation:
        folder = tmp_path_factory.mktemp(kind)
        url = f"sqlite:///{folder / 'news.db'}" if kind == "sqlite" else request.getfixturevalue("kafka_url")
        made.append(Installation(url, prefix=f"t{uuid.uuid4().hex[:8]}.", folder=folder))
        return made[-1]

    yield make
    for installation in made:
        installation.close()


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def kind(request: pytest.FixtureRequest) -> str:
    """Which log."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def installation(kind: str, new_installation: NewInstallation) -> Iterator[Installation]:
    """A new installation, without topics."""
    made = new_installation(kind)
    yield made
    made.close()


@pytest.fixture(scope="session")
def articles_file() -> Path:
    """Real articles to replay: NEWSLOOM_TEST_DATA, else what lies in ../shared/data beside the repository."""
    named = os.environ.get(DATA)
    file = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "groundnews2025.jsonl.gz"
    if not file.exists():
        pytest.skip(f"needs real articles: set {DATA} to a gzip file of JSON lines such as groundnews2025.jsonl.gz")
    return file


@pytest.fixture(scope="session")
def article_count(articles_file: Path) -> int:
    """How many articles the file holds."""
    with gzip.open(articles_file) as lines:
        return sum(1 for _ in lines)


@pytest.fixture(scope="session")
def undisturbed(new_installation: NewInstallation, articles_file: Path) -> Callable[[str], Replay]:
    """The whole file through both services on "sqlite" or "kafka", once a session for each."""
    return cache(lambda kind: replay(new_installation(kind), articles_file))
