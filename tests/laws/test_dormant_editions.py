"""An edition that was dormant continues like one that never was."""

from __future__ import annotations

from hypothesis import given

from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.editions import Editions, edition_size
from services.clusterer.state import checkpoint_of
from tests.laws.command_streams import StreamItem, apply_event, streams_with_commands
from tests.laws.streams import EDITION
from tests.laws.test_engine import CALIBRATION, PARAMETERS, arrival, fresh_engine


@given(streams_with_commands)
def test_an_edition_that_is_dormant_between_events_gives_the_same_results(events: list[StreamItem]) -> None:
    editions = Editions(CALIBRATION, PARAMETERS, awake_max=0, dormant_articles_max=1_000)
    editions.put(Engine(EditionState(EDITION, CALIBRATION, PARAMETERS)))
    awake = fresh_engine()
    for index, event in enumerate(events):
        editions.settle()
        (size,) = editions.sizes()
        assert size == edition_size(awake.edition)
        engine = editions[EDITION]
        assert apply_event(engine, event, arrival(index)) == apply_event(awake, event, arrival(index))
        assert {name: engine.story(name) for name in engine.edition.stories} == {
            name: awake.story(name) for name in awake.edition.stories
        }
        assert checkpoint_of(engine.edition) == checkpoint_of(awake.edition)
