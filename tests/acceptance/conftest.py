"""Installations, and the replay of all articles that several tests share."""

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
    """Return a function that makes a new installation on "sqlite" or "kafka"."""
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
    """Return the kind of log."""
    chosen: str = request.param
    return chosen


@pytest.fixture
def installation(kind: str, new_installation: NewInstallation) -> Iterator[Installation]:
    """Return a new installation without topics."""
    made = new_installation(kind)
    yield made
    made.close()


@pytest.fixture(scope="session")
def articles_file() -> Path:
    """Return the file of real articles: NEWSLOOM_TEST_DATA, else a file in ../shared/data beside the repository."""
    named = os.environ.get(DATA)
    file = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "groundnews2025.jsonl.gz"
    if not file.exists():
        pytest.skip(f"needs real articles: set {DATA} to a gzip file of JSON lines such as groundnews2025.jsonl.gz")
    return file


@pytest.fixture(scope="session")
def article_count(articles_file: Path) -> int:
    """Return the number of articles in the file."""
    with gzip.open(articles_file) as lines:
        return sum(1 for _ in lines)


@pytest.fixture(scope="session")
def reference_replay(new_installation: NewInstallation, articles_file: Path) -> Callable[[str], Replay]:
    """Return the replay of the whole file on "sqlite" or "kafka", without faults, made once a session for each."""
    return cache(lambda kind: replay(new_installation(kind), articles_file))
