"""The clusterer does not start from an incomplete or unreadable state, and names the record that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from newsloom.contracts.pipeline import EVENT_TYPE
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from services.clusterer.configuration import parameters_of
from services.clusterer.step import ClustererStep
from tests.unit.verifier.busy_week import busy_week
from tests.unit.verifier.log_file import LogFile
from tests.unit.verifier.service_loops import ServiceLoops, resolve_commands


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> LogFile:
    file = tmp_path_factory.mktemp("whole") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model="test")
    with closing(open_log_url(given.log)) as log:
        newsroom = ServiceLoops(log, given)
        newsroom.feed(resolve_commands(busy_week()))
        newsroom.drain("clusterer")
    return LogFile(file, given)


@pytest.fixture
def log_file(whole: LogFile, tmp_path: Path) -> LogFile:
    return whole.copy_to(tmp_path / "news.db")


def restore(log_file: LogFile, *, model: str = "test") -> None:
    given = msgspec.structs.replace(log_file.settings, model=model)
    with closing(open_log_url(given.log)) as log:
        ClustererStep(given, log, None, parameters_of(given)).restore(0)


def with_type(record: Record, event_type: str) -> Record:
    headers = tuple((name, event_type.encode() if name == EVENT_TYPE else value) for name, value in record.headers)
    return replace(record, headers=headers)


def test_a_complete_state_is_restored(log_file: LogFile) -> None:
    restore(log_file)


def test_a_state_of_another_model_is_refused_with_both_models(log_file: LogFile) -> None:
    with pytest.raises(
        ConfigurationError, match=r"NEWSLOOM_MODEL is 'other', but .* made with 'test' \(8 dimensions\)"
    ):
        restore(log_file, model="other")


@pytest.mark.parametrize(
    ("record", "event_type"),
    [
        (lambda file: file.stories()[0][0], "newsloom.story.snapshot.v2"),
        (lambda file: file.memberships()[0][0], "newsloom.membership.v2"),
        (lambda file: file.checkpoint()[0], "newsloom.checkpoint.v17"),
    ],
)
def test_a_state_of_a_newer_schema_is_refused_with_its_name(
    log_file: LogFile, record: Callable[[LogFile], Record], event_type: str
) -> None:
    newer = replace(record(log_file), value=b'{"field": "unknown"}')
    log_file.alter(with_type(newer, event_type))

    with pytest.raises(ConfigurationError) as refused:
        restore(log_file)

    assert f"{newer.topic}, partition 0, offset {newer.offset}" in str(refused.value)
    assert f"has type {event_type}; this version of newsloom reads only newsloom.checkpoint.v1, " in str(refused.value)
    assert "A newer version wrote it" in str(refused.value)


@pytest.mark.parametrize(
    "record",
    [
        lambda file: file.stories()[0][0],
        lambda file: file.memberships()[0][0],
        lambda file: file.checkpoint()[0],
    ],
)
def test_a_damaged_record_is_named(log_file: LogFile, record: Callable[[LogFile], Record]) -> None:
    damaged = record(log_file)
    log_file.alter(replace(damaged, value=(damaged.value or b"")[:-9]))

    with pytest.raises(ConfigurationError, match=rf"{damaged.topic}, partition 0, offset {damaged.offset}\): not JSON"):
        restore(log_file)


def _delete(record: Callable[[LogFile], Record]) -> Callable[[LogFile], None]:
    return lambda file: file.append(replace(record(file), value=None))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_delete(lambda file: file.stories()[0][0]), r"is in story st-\w+, which is missing from `stories`"),
        (
            _delete(lambda file: file.memberships()[0][0]),
            r"story st-\w+ has \d+ articles .*but `article-stories` holds \d+",
        ),
        (_delete(lambda file: file.checkpoint()[0]), "edition main has stories or articles but no checkpoint"),
    ],
)
def test_a_missing_record_is_noticed(log_file: LogFile, spoil: Callable[[LogFile], None], complaint: str) -> None:
    spoil(log_file)

    with pytest.raises(ConfigurationError, match=complaint):
        restore(log_file)
