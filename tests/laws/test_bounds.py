"""What one event costs does not grow with the number of copies in its story: records, and steps of the interpreter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.contracts.vector import ArticleRetraction
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.engine import Engine
from tests.laws.streams import EDITION, Event, article
from tests.laws.test_engine import fresh_engine

FEW, MANY = 320, 1_920
"""In both, the history is full, and there are more articles of an outlet than are compared one by one."""
RECORDS_MAX = 3
"""Updates and memberships of an event that joins no two stories: the update, the article, and the report of its copies."""
STEPS_RATIO_MAX = 1.5
"""Six times as many copies take three more steps of each bisection."""
TEXT = 5


@dataclass(slots=True)
class Steps:
    """The number of bytecode instructions."""

    count: int = 0


@contextmanager
def counted_steps() -> Iterator[Steps]:
    """Count the bytecode instructions that run inside."""
    steps = Steps()

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes = True
        steps.count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield steps
    finally:
        sys.settrace(before)


def copies(count: int) -> Engine:
    """Return an engine with one story: a report and its copies, each from an outlet of its own."""
    engine = fresh_engine()
    for number in range(count):
        engine.apply(article(number, text=TEXT, hour=number / 100))
    return engine


def retraction(number: int) -> Event:
    return ArticleRetraction(article_id=f"a{number}", edition=EDITION)


def correction_of_the_title(number: int) -> Event:
    return article(number, text=TEXT, hour=number / 100, revision=1)


def correction_of_the_text(number: int) -> Event:
    return article(number, hour=number / 100, revision=1)


EVENTS: Sequence[Callable[[int], Event]] = (retraction, correction_of_the_title, correction_of_the_text)


def records(changes: StoryChanges) -> int:
    return len(changes.updates) + len(changes.memberships)


@settings(max_examples=10)
@given(
    st.lists(
        st.tuples(st.sampled_from(EVENTS), st.sampled_from((0.0, 0.999)) | st.floats(0, 0.999)), min_size=1, max_size=12
    )
)
def test_an_event_among_many_copies_takes_as_many_records_and_steps_as_among_few(
    script: list[tuple[Callable[[int], Event], float]],
) -> None:
    costs: dict[int, list[int]] = {}
    for size in (FEW, MANY):
        engine, left, costs[size] = copies(size), list(range(size)), []
        for build, place in script:
            event = build(left[int(place * len(left))])
            with counted_steps() as steps:
                changes = engine.apply(event)
            assert records(changes) <= RECORDS_MAX
            costs[size].append(steps.count)
            left = [number for number in left if f"a{number}" in engine.edition.articles]
    for few, many in zip(costs[FEW], costs[MANY], strict=True):
        assert many <= STEPS_RATIO_MAX * few
