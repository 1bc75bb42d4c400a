"""Laws of the content of a digest."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsloom.contracts.article import Leaning
from newsloom.contracts.digest import Statement
from services.digest.core.composition import DigestContent, compose
from services.digest.core.story import DigestStory
from tests.unit.digest.invented_story import FREQUENCIES, LEFT, RIGHT, invented_story, story

LEANINGS = st.lists(st.sampled_from(list(Leaning)), min_size=1, max_size=12)


def statements_of(content: DigestContent) -> list[Statement]:
    asked = [one.asked for one in content.questions if one.asked]
    answers = [statement for one in content.questions for statement in one.statements]
    return [*content.overview, *asked, *answers, *(one for side in content.sides for one in side.statements)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), leanings=LEANINGS)
def test_law_each_statement_is_a_sentence_of_its_report(seed: int, leanings: list[Leaning]) -> None:
    told = invented_story(seed, leanings)
    sentences = {
        (report.article_id, sentence.offset): sentence.text for report in told.reports for sentence in report.sentences
    }
    for statement in statements_of(compose(told, FREQUENCIES)):
        assert sentences[statement.article_id, statement.offset] == statement.text
        assert 1 <= statement.voices <= statement.of == len(leanings)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), leanings=LEANINGS, order=st.randoms(use_true_random=False))
def test_law_the_order_of_the_articles_does_not_matter(
    seed: int, leanings: list[Leaning], order: random.Random
) -> None:
    told = invented_story(seed, leanings)
    shuffled = list(told.reports)
    order.shuffle(shuffled)
    assert compose(story(*shuffled), FREQUENCIES) == compose(story(*told.reports), FREQUENCIES)


@pytest.mark.parametrize("reports", [1, 500])
def test_a_story_of_any_size_has_a_valid_digest(reports: int) -> None:
    told = invented_story(1, [LEFT, RIGHT] * (reports // 2) or [LEFT])
    content = compose(told, FREQUENCIES)
    assert content.overview
    assert sum(side.reports for side in content.sides) == reports
    assert compose(DigestStory(story_id="st-1", title="", reports=()), FREQUENCIES).overview == ()
