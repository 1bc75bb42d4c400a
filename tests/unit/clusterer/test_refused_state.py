"""From half a state, or one that cannot be understood, no clusterer goes on; it says which record is to blame."""

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
from tests.unit.verifier.desk import Desk
from tests.unit.verifier.newsroom import Newsroom, resolved
from tests.unit.verifier.weeks import a_busy_week


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    file = tmp_path_factory.mktemp("whole") / "news.db"
    given = Settings(log=f"sqlite:///{file}", model="test")
    with closing(open_log_url(given.log)) as log:
        newsroom = Newsroom(log, given)
        newsroom.take_in(resolved(a_busy_week()))
        newsroom.drain("clusterer")
    return Desk(file, given)


@pytest.fixture
def desk(whole: Desk, tmp_path: Path) -> Desk:
    return whole.copied(tmp_path / "news.db")


def restore(desk: Desk, *, model: str = "test") -> None:
    given = msgspec.structs.replace(desk.settings, model=model)
    with closing(open_log_url(given.log)) as log:
        ClustererStep(given, log, None, parameters_of(given)).restore(0)


def with_type(record: Record, event_type: str) -> Record:
    headers = tuple((name, event_type.encode() if name == EVENT_TYPE else value) for name, value in record.headers)
    return replace(record, headers=headers)


def test_a_whole_state_is_restored(desk: Desk) -> None:
    restore(desk)


def test_a_state_of_another_model_is_refused_with_both_models(desk: Desk) -> None:
    with pytest.raises(
        ConfigurationError, match=r"NEWSLOOM_MODEL is 'other', but .* made with 'test' \(8 dimensions\)"
    ):
        restore(desk, model="other")


@pytest.mark.parametrize(
    ("record", "event_type"),
    [
        (lambda desk: desk.stories()[0][0], "newsloom.story.snapshot.v2"),
        (lambda desk: desk.memberships()[0][0], "newsloom.membership.v2"),
        (lambda desk: desk.checkpoint()[0], "newsloom.checkpoint.v17"),
    ],
)
def test_a_state_of_a_newer_schema_is_refused_with_its_name(
    desk: Desk, record: Callable[[Desk], Record], event_type: str
) -> None:
    newer = replace(record(desk), value=b'{"what": "nobody knows yet"}')
    desk.alter(with_type(newer, event_type))

    with pytest.raises(ConfigurationError) as refused:
        restore(desk)

    assert f"{newer.topic}, partition 0, offset {newer.offset}" in str(refused.value)
    assert f"has type {event_type}; this version of newsloom reads only newsloom.checkpoint.v1, " in str(refused.value)
    assert "A newer version wrote it" in str(refused.value)


@pytest.mark.parametrize(
    "record",
    [lambda desk: desk.stories()[0][0], lambda desk: desk.memberships()[0][0], lambda desk: desk.checkpoint()[0]],
)
def test_a_damaged_record_is_named(desk: Desk, record: Callable[[Desk], Record]) -> None:
    damaged = record(desk)
    desk.alter(replace(damaged, value=(damaged.value or b"")[:-9]))

    with pytest.raises(ConfigurationError, match=rf"{damaged.topic}, partition 0, offset {damaged.offset}\): not JSON"):
        restore(desk)


def _lost(record: Callable[[Desk], Record]) -> Callable[[Desk], None]:
    return lambda desk: desk.append(replace(record(desk), value=None))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_lost(lambda desk: desk.stories()[0][0]), r"is in story st-\w+, which is missing from `stories`"),
        (
            _lost(lambda desk: desk.memberships()[0][0]),
            r"story st-\w+ has \d+ articles .*but `article-stories` holds \d+",
        ),
        (_lost(lambda desk: desk.checkpoint()[0]), "edition main has stories or articles but no checkpoint"),
    ],
)
def test_a_record_that_is_missing_is_missed(desk: Desk, spoil: Callable[[Desk], None], complaint: str) -> None:
    spoil(desk)

    with pytest.raises(ConfigurationError, match=complaint):
        restore(desk)
