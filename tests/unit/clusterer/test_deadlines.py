"""Deadlines are returned once, in order of time, then of story id."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.clusterer.core.deadlines import Deadlines
from tests.laws.streams import START

names = st.sampled_from(["a", "b", "c"])
hours = st.integers(0, 9)
steps = st.lists(st.one_of(st.tuples(names, hours), st.tuples(names, st.none()), hours), max_size=40)


@given(steps)
def test_deadlines_behave_like_a_dictionary_with_a_minimum(given_steps: list[tuple[str, int | None] | int]) -> None:
    deadlines, model = Deadlines[datetime](), dict[str, int]()
    for step in given_steps:
        match step:
            case (name, None):
                deadlines.cancel(name)
                model.pop(name, None)
            case (name, int(due)):
                deadlines.set(name, START + timedelta(hours=due))
                model[name] = due
            case now:
                assert isinstance(now, int)
                expected = min(((due, name) for name, due in model.items() if due <= now), default=None)
                popped = deadlines.pop_due(START + timedelta(hours=now))
                assert popped == (None if expected is None else (START + timedelta(hours=expected[0]), expected[1]))
                if expected is not None:
                    del model[expected[1]]
