"""What the Overview of a story chooses."""

from __future__ import annotations

from services.digest.core.composition import compose
from services.digest.core.overview import WORDS, choose_overview, score_candidates
from services.digest.core.story_text import StoryText
from tests.unit.digest.invented_story import FREQUENCIES, report, story

OPENED = "Mayor Ada Moss opened the new harbour of Elm to container ships on Friday."
FEES = "Fishermen in Elm Valley protested against higher fees for small boats."
WEATHER = "Snow fell on hills behind town for a third night in a row."
OTHER_WORDS = "Container ships may use the new harbour of Elm that Ada Moss opened Friday."


def test_what_several_reports_tell_comes_before_what_one_tells() -> None:
    found = compose(story(report("a", WEATHER, OPENED), report("b", OTHER_WORDS), report("c", OPENED)), FREQUENCIES)
    assert found.overview[0].text in {OPENED, OTHER_WORDS}
    assert WEATHER not in [one.text for one in found.overview]


def test_the_same_is_not_said_twice() -> None:
    found = compose(story(report("a", OPENED), report("b", OTHER_WORDS), report("c", OPENED)), FREQUENCIES)
    assert len(found.overview) == 1


def test_each_statement_has_its_source() -> None:
    found = compose(story(report("a", OPENED, FEES)), FREQUENCIES).overview
    assert [(one.article_id, one.text, one.offset, one.outlet) for one in found] == [
        ("a", OPENED, 0, "Outlet a"),
        ("a", FEES, len(OPENED) + 1, "Outlet a"),
    ]


def test_a_copy_is_neither_quoted_nor_a_voice() -> None:
    reports = (report("a", OPENED), report("b", OPENED), report("c", OPENED, copy_of="a"))
    first = compose(story(*reports), FREQUENCIES).overview[0]
    assert (first.voices, first.of) == (2, 2)
    assert first.article_id != "c"


def test_two_articles_of_one_outlet_are_one_voice() -> None:
    reports = (report("a", OPENED, outlet="Elm"), report("b", OPENED, outlet="ELM"), report("c", FEES))
    first = compose(story(*reports), FREQUENCIES).overview[0]
    assert (first.voices, first.of) == (1, 2)


def test_questions_are_not_quoted() -> None:
    found = compose(story(report("a", "Why did Mayor Ada Moss open the new harbour of Elm?")), FREQUENCIES)
    assert found.overview == ()


def test_the_length_is_about_the_given_number_of_words() -> None:
    many = [
        f"{OPENED[:-1]} {word} {word}berg {word}ville." for word in ("red", "green", "blue", "black", "white", "brown")
    ]
    text = StoryText(story(report("a", *many, FEES, WEATHER)), FREQUENCIES)
    chosen = choose_overview(text, score_candidates(text))
    assert sum(len(text.lines[index].sentence.text.split()) for index in chosen) < WORDS + 20


def test_one_article_and_none() -> None:
    assert [one.text for one in compose(story(report("a", OPENED)), FREQUENCIES).overview] == [OPENED]
    assert compose(story(), FREQUENCIES).overview == ()


def test_articles_without_sentences_give_the_record_alone() -> None:
    found = compose(story(report("a"), report("b"), report("c")), FREQUENCIES)
    assert found.overview == ()
    assert [one.text for one in found.questions] == ["Who reported this first?", "How did the story grow?"]
