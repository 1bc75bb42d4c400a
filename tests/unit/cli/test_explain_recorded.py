"""`newsloom explain` on decisions that the engine itself has recorded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.contracts.membership import Membership, Verdict
from newsloom.contracts.story import Story
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.parameters import Parameters
from tests.laws.streams import DIMENSION, EDITION, Event, article, streams
from tests.laws.test_engine import PARAMETERS
from tests.unit.cli.harness import CliHarness, story_message
from tests.unit.cli.rendering import member_message, render_article, render_story


def decide(events: list[Event], parameters: Parameters) -> tuple[dict[str, Story], list[Membership]]:
    engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), parameters))
    stories: dict[str, Story | None] = {}
    members: dict[str, Membership | None] = {}
    for event in events:
        changes = engine.apply(event)
        stories |= {story_id: engine.story(story_id) for story_id in changes.stories}
        members |= dict(changes.memberships)
    return (
        {story_id: value for story_id, value in stories.items() if value is not None},
        [value for value in members.values() if value is not None],
    )


def test_decisions_of_the_engine_are_explained(harness: CliHarness) -> None:
    events: list[Event] = [
        article(0, subject=1, text=5),
        article(1, subject=1, wobble=1),
        article(2, subject=4, wobble=1),
        article(3, subject=1, text=5, hour=1),
    ]
    stories, members = decide(events, Parameters())
    harness.write([*map(story_message, stories.values()), *map(member_message, members)])
    sentences = {value.article_id: harness.run("explain", value.article_id).stdout.splitlines()[4] for value in members}
    home = members[0].story_id
    assert sentences["a0"] == f"It founded {home}: there was no other story in the window to compare it with."
    assert sentences["a1"].startswith(f"It joined {home} with a score of ")
    assert sentences["a2"].startswith(f"It founded {members[2].story_id}: the best candidate scored ")
    assert sentences["a3"].startswith("It came as a copy of a0: their Jaccard index was 1.000; ")


@settings(max_examples=50)
@given(streams, st.sampled_from([Parameters(), PARAMETERS]))
def test_whatever_the_engine_records_can_be_explained(events: list[Event], parameters: Parameters) -> None:
    stories, members = decide(events, parameters)
    for value in members:
        shown = render_article(value, stories, members, 200)
        assert value.article_id in shown
        if value.decision.verdict is Verdict.JOINED:
            best = value.decision.candidates[0]
            assert f"with a score of {best.score:.3f}; the bar was {value.decision.bar:.3f}" in shown
            assert best.mean == pytest.approx(best.title + best.lead + best.terms)
        look = value.merge.second_look if value.merge is not None else None
        assert ("Candidates of the second look" in shown) == (look is not None)
    for known in stories.values():
        shown = render_story(known, members, stories, 200)
        assert f"{known.article_count:,} article" in shown
        assert all(value.article_id in shown for value in members if value.story_id == known.id)
