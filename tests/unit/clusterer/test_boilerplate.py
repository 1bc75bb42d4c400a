"""Two pages with the same text are copies only if a title fits it; otherwise the shared text is boilerplate."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from newsloom.contracts.command import MoveArticle
from newsloom.contracts.membership import Membership, Verdict
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.calibration import zero_calibration
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from tests.laws.streams import DIMENSION, EDITION, FIXED_PARAMETERS, article, vector
from tests.unit.clusterer.harness import COMMAND_FIELDS

PAGE = 3
"""The text of every page below."""
PLAIN = msgspec.structs.replace(FIXED_PARAMETERS, bar_base=0.5)
MENU = np.arange(500, 512, dtype="<u4").tobytes()


def page(number: int, *, subject: int, hour: float = 0) -> ArticleVector:
    """Build a page of which only the title is about the subject; lead and most terms are those of a menu."""
    event = article(number, subject=subject, hour=hour, text=PAGE)
    own = np.frombuffer(event.terms, dtype="<u4")[:3]
    terms = np.concatenate((own, np.frombuffer(MENU, dtype="<u4"))).astype("<u4").tobytes()
    counts = bytes([1] * (len(terms) // 4))
    return msgspec.structs.replace(event, lead_vector=vector(7, number), terms=terms, term_counts=counts)


@pytest.fixture
def engine() -> Engine:
    """Return an engine with two stories of two articles each, on subjects 1 and 2, and a page about subject 1."""
    engine = Engine(EditionState(EDITION, zero_calibration("test", DIMENSION), PLAIN))
    for number in range(4):
        engine.apply(article(number, subject=1 + number // 2))
    engine.apply(page(4, subject=1, hour=1))
    return engine


def member(engine: Engine, number: int) -> Membership:
    story = engine.edition.story_of(f"a{number}")
    assert story is not None
    return story.members[f"a{number}"]


def test_a_page_with_the_same_boilerplate_is_no_copy_and_is_compared_by_its_title(engine: Engine) -> None:
    engine.apply(page(5, subject=2, hour=2))
    found = member(engine, 5)
    assert found.copy_of is None
    assert found.boilerplate_of == "a4"
    assert found.story_id == member(engine, 2).story_id
    assert found.decision.verdict is Verdict.JOINED
    assert found.lead_vector == found.title_vector
    assert np.frombuffer(found.terms, dtype="<u4").tolist() == [20, 21, 22]
    assert len(found.term_weights) == 2 * 3


def test_the_first_page_with_a_text_is_not_boilerplate(engine: Engine) -> None:
    assert member(engine, 4).boilerplate_of is None


def test_a_copy_with_a_reworded_title_is_a_copy(engine: Engine) -> None:
    engine.apply(article(6, subject=5, hour=2, text=90))
    copy = msgspec.structs.replace(article(7, subject=5, hour=3, text=90), title_vector=vector(6, 1))
    engine.apply(copy)
    found = member(engine, 7)
    assert found.copy_of == "a6"
    assert found.boilerplate_of is None
    assert found.decision.verdict is Verdict.COPIED
    assert found.decision.fit is not None
    assert found.decision.fit >= PLAIN.copy_fit


def test_a_correction_with_a_text_of_its_own_is_compared_by_it(engine: Engine) -> None:
    engine.apply(page(5, subject=2, hour=2))
    engine.apply(article(5, subject=2, hour=2, revision=1))
    found = member(engine, 5)
    assert found.boilerplate_of is None
    assert found.decision.verdict is Verdict.KEPT
    assert found.terms == article(5, subject=2).terms


def test_a_page_that_a_command_moves_is_no_copy(engine: Engine) -> None:
    engine.apply(page(5, subject=2, hour=2))
    engine.apply(MoveArticle(article_id="a5", story_id=member(engine, 4).story_id, **COMMAND_FIELDS))
    found = member(engine, 5)
    assert found.story_id == member(engine, 4).story_id
    assert found.copy_of is None
    assert found.boilerplate_of == "a4"
