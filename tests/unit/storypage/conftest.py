"""A history that has seen everything, and read models made from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel
from tests.unit.storypage.records import Partitions, all_records, read_history
from tests.unit.verifier.conftest import consistent_log
from tests.unit.verifier.log_file import LogFile

__all__ = ["consistent_log"]


@pytest.fixture(scope="session")
def settings(consistent_log: LogFile) -> Settings:
    """Return the settings of the log."""
    return consistent_log.settings


@pytest.fixture(scope="session")
def partitions(consistent_log: LogFile, settings: Settings) -> Partitions:
    """Return the records of the log: merges, splits, moves, retractions, corrections, two editions, forgotten stories."""
    return read_history(settings, open_log_url(consistent_log.settings.log))


NewModel = Callable[[], tuple[ReadModel, ModelFile, sqlite3.Connection]]


@pytest.fixture
def new_model(settings: Settings, tmp_path: Path) -> Iterator[NewModel]:
    """Return a function that makes an empty read model in a file of its own."""
    opened: list[sqlite3.Connection] = []

    def make() -> tuple[ReadModel, ModelFile, sqlite3.Connection]:
        file = ModelFile(tmp_path / f"model-{len(opened)}.db")
        sql = file.open(settings, {})
        opened.append(sql)
        return ReadModel(sql, settings), file, sql

    yield make
    for sql in opened:
        sql.close()


@pytest.fixture(scope="session")
def model_file(settings: Settings, partitions: Partitions, tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """Return the file of a read model that has read everything."""
    file = ModelFile(tmp_path_factory.mktemp("page") / "page.db")
    with closing(file.open(settings, {})) as sql:
        ReadModel(sql, settings).apply(list(all_records(partitions)))
    return file
