"""Within an edition, all vectors are made from texts prepared by the same version of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from newsloom.contracts.codec import decode_state, encode
from newsloom.contracts.membership import Checkpoint
from newsloom.contracts.topics import ARTICLE_STORIES
from newsloom.contracts.vector import ArticleVector
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.step import Outcome
from services.clusterer.configuration import parameters_of
from services.clusterer.step import ClustererStep
from tests.laws.streams import EDITION, START, article

SETTINGS = Settings(log="sqlite://", model="test", state_partitions=1)


@pytest.fixture
def log() -> Iterator[Log]:
    with closing(open_log_url(SETTINGS.log)) as log:
        log.admin().create(topic_specs(SETTINGS))
        yield log


def prepared(number: int, preparation: str, edition: str = EDITION) -> ArticleVector:
    return msgspec.structs.replace(article(number), preparation=preparation, edition=edition)


def restored_step(log: Log) -> ClustererStep:
    step = ClustererStep(SETTINGS, log, None, parameters_of(SETTINGS))
    step.restore(0)
    return step


def process(step: ClustererStep, *events: ArticleVector) -> Outcome:
    later_ms = round(START.timestamp() * 1000) + 1
    return step.process(
        [
            Record(step.input_topics[0], 0, offset, later_ms, event.edition.encode(), encode(event))
            for offset, event in enumerate(events)
        ]
    )


def checkpoints(outcome: Outcome) -> dict[str, str]:
    """Return the preparation of each edition that the outcome has a checkpoint of."""
    names = topic_name(SETTINGS, ARTICLE_STORIES)
    states = [decode_state(message.value or b"") for message in outcome.messages if message.topic == names]
    return {state.edition: state.preparation for state in states if isinstance(state, Checkpoint)}


def test_a_vector_of_another_preparation_is_rejected_with_both_versions(log: Log) -> None:
    outcome = process(restored_step(log), prepared(1, "1"), prepared(2, "2"), prepared(3, "1"))
    [rejection] = outcome.rejected
    assert rejection.record.offset == 1
    assert rejection.reason == (
        "made with text preparation '2', but the stories of edition 'main' were made with '1': "
        "embed them again with `newsloom migrate --model` - at `$.preparation`"
    )
    assert checkpoints(outcome) == {"main": "1"}


def test_no_vector_of_another_preparation_begins_an_edition(log: Log) -> None:
    outcome = process(restored_step(log), prepared(1, "1"), prepared(1, "2", "de"), prepared(2, "1", "de"))
    [rejection] = outcome.rejected
    assert rejection.reason == (
        "made with text preparation '2', but this version begins an edition with '1': "
        "run an embedder of this version, and send the article again - at `$.preparation`"
    )
    assert checkpoints(outcome) == {"main": "1", "de": "1"}


def test_the_preparation_is_restored(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.clusterer.step.PREPARATION", "2")
    outcome = process(restored_step(log), prepared(1, "2"))
    with closing(log.writer("clusterer")) as writer:
        writer.write(list(outcome.messages), Progress(1))

    step = restored_step(log)

    assert [rejection.record.offset for rejection in process(step, prepared(2, "1"), prepared(3, "2")).rejected] == [0]


def test_a_checkpoint_does_not_name_the_first_preparation() -> None:
    checkpoint = Checkpoint(edition=EDITION, watermark=START, next_sequence=1, model="m", dimension=8)
    named = msgspec.structs.replace(checkpoint, preparation=msgspec.json.decode(b'"1"'))
    assert encode(named) == encode(checkpoint)
    assert b"preparation" not in encode(checkpoint)
    assert decode_state(encode(checkpoint)) == checkpoint
    other = msgspec.structs.replace(checkpoint, preparation="2")
    assert decode_state(encode(other)) == other != checkpoint
