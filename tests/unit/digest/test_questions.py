"""Questions that articles or the record answer."""

from __future__ import annotations

from newsloom.contracts.sentences import Sentence
from services.digest.core.composition import compose
from services.digest.core.story import Report
from tests.unit.digest.invented_story import CENTER, FREQUENCIES, LEFT, report, story

ASKED = "Why did Mayor Ada Moss open the harbour of Elm?"
ANSWER = "Mayor Ada Moss opened the harbour of Elm because container ships brought more trade."
TOLD = "Container ships brought more trade, so Mayor Ada Moss decided to open the harbour of Elm."


def questions(*reports: Report) -> dict[str, list[str]]:
    return {
        one.text: [statement.text for statement in one.statements]
        for one in compose(story(*reports), FREQUENCIES).questions
        if one.asked
    }


def answers(*reports: Report) -> dict[str, str]:
    return {one.text: one.answer for one in compose(story(*reports), FREQUENCIES).questions if not one.asked}


def test_an_article_asks_and_answers() -> None:
    assert questions(report("a", ASKED, ANSWER), report("b", TOLD)) == {ASKED: [ANSWER]}


def test_an_answer_that_does_not_follow_at_once_is_none() -> None:
    apart = Report(
        article_id="a",
        title="Harbour opens",
        published_at=report("a").published_at,
        sentences=(Sentence(text=ASKED, offset=0), Sentence(text=ANSWER, offset=len(ASKED) + 90)),
    )
    assert questions(apart, report("b", TOLD)) == {}


def test_a_question_about_something_else_is_left_out() -> None:
    aside = (
        "Who will win the chess match in Fairview?",
        "Grandmaster Lee Stone leads the chess match in Fairview by two games.",
    )
    assert questions(report("a", *aside), report("b", TOLD)) == {}


def test_the_record_tells_who_was_first_and_how_the_story_grew() -> None:
    found = answers(report("b", hour=9), report("a", hour=8), report("c", hour=30, copy_of="a"))
    assert found["Who reported this first?"] == "Outlet a, on 1 December 2026, 08:00 UTC."
    assert found["How did the story grow?"] == (
        "1 article by 1 December 2026, 08:00 UTC; 2 articles by 1 December 2026, 09:00 UTC;"
        " 3 articles by 2 December 2026, 06:00 UTC. One of them repeats the text of another."
    )


def test_the_record_tells_which_sides_are_missing() -> None:
    reports = (report("a", leaning=LEFT), report("b", leaning=LEFT), report("c", leaning=CENTER))
    assert answers(*reports)["Which sides have not reported?"] == "No outlet of the right so far."
    assert "Which sides have not reported?" not in answers(*reports[:2])
