"""Which sentences of a text can be quoted alone, and where they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.embedder.sentences import ENGLISH_RULES, NO_RULES, SENTENCES_MAX, usable_sentences

PARAGRAPH = (
    "WASHINGTON (Reuters) - President Ada Moss signed the Harbour Act on Friday, ending a two-year dispute over port fees. "
    "She said the vote was close. “The ports will open on Monday,” Transport Minister Joe Field told reporters. "
    "The bill passed with 51 votes. We asked Mr. Field for more. "
    "Sen. J. K. Rowe of Port St. Ann opposed the act, which costs $1.5 million a year, at 5 p.m. Tuesday. "
    "The Harbour Authority did not respond to a request for comment."
)


def texts_of(text: str, language: str | None = "en", outlet: str | None = None) -> list[str]:
    return [one.text for one in usable_sentences(text, language, outlet=outlet).sentences]


def test_a_sentence_is_found_with_its_offset_and_without_the_dateline() -> None:
    found = usable_sentences(PARAGRAPH, "en")
    assert found.rules == ENGLISH_RULES
    assert [one.text for one in found.sentences] == [
        "President Ada Moss signed the Harbour Act on Friday, ending a two-year dispute over port fees.",
        "“The ports will open on Monday,” Transport Minister Joe Field told reporters.",
        "Sen. J. K. Rowe of Port St. Ann opposed the act, which costs $1.5 million a year, at 5 p.m. Tuesday.",
    ]
    assert found.sentences[0].offset == PARAGRAPH.index("President")


@pytest.mark.parametrize(
    "sentence",
    [
        "He told the council that the bridge would open in May.",
        "However, Mayor Ada Moss told the council that the bridge would open.",
        "But Mayor Ada Moss told the council that the bridge would open.",
        "That bridge over the Elm will open in May, Mayor Ada Moss said.",
        "The bill would close the bridge over the Elm for a year.",
        "Mayor Ada Moss told us that the bridge would open in May.",
        "I think the bridge over the Elm will open in May.",
        "“The bridge over the Elm will open in May.",
        "“The bridge over the Elm will open in May.”",
        "“The bridge over the Elm will open in May,” she said.",
        "The bridge over the Elm will open in May, he said.",
        "Sign up for the newsletter of the Elm Valley Times here today.",
        "MAYOR ADA MOSS OPENS THE BRIDGE OVER THE ELM IN MAY.",
        "Mayor Ada Moss opened the bridge over the Elm in May",
        "Mayor Ada Moss opened the <b>bridge</b> over the Elm in May.",
        "Mayor Ada Moss opened the bridge of Elm &amp; Sons in May.",
        "FIELD: The bridge over the Elm will open in May, Mayor Moss.",
        "Photo: Mayor Ada Moss opens the bridge over the Elm in May.",
        "In 2021, the two opened the bridge over the Elm in May.",
    ],
)
def test_what_cannot_stand_alone_is_left_out(sentence: str) -> None:
    assert texts_of(sentence) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "Mayor Ada Moss opened the bridge over the Elm in May.",
        "“We are proud of this bridge,” Mayor Ada Moss said on Friday.",
        "The US Senate and the White House agreed on a bridge over the Elm.",
        "On Friday, Mayor Ada Moss said her council would open the bridge.",
        "There are 12 bridges over the Elm, according to the Elm Valley Council.",
        "Forty people were hurt when a bridge over the Elm collapsed on Friday.",
        "Why did a bridge over the Elm collapse?",
    ],
)
def test_what_can_stand_alone_is_kept(sentence: str) -> None:
    assert texts_of(sentence) == [sentence]


def test_what_the_outlet_says_about_itself_is_left_out() -> None:
    sentence = "Mayor Ada Moss told the Elm Valley Times that the bridge would open in May."
    assert texts_of(sentence, outlet="Elm Valley Times") == []
    assert texts_of(sentence, outlet="Another Paper") == [sentence]


def test_a_question_that_points_elsewhere_is_left_out() -> None:
    assert texts_of("Why did this bridge collapse? What does it mean for the town of Elm?") == []


@pytest.mark.parametrize("language", ["de", "es-MX", "zh", "xx"])
def test_a_language_without_rules_has_no_sentences_and_says_so(language: str) -> None:
    assert usable_sentences(PARAGRAPH, language) == NO_RULES


def test_without_a_language_an_english_text_is_recognized() -> None:
    assert texts_of(PARAGRAPH, None) == texts_of(PARAGRAPH, "en-GB")
    german = (
        "Die Präsidentin hat am Freitag das Gesetz über die Häfen unterschrieben, das seit zwei Jahren umstritten war. "
        * 3
    )
    assert usable_sentences(german, None) == NO_RULES


def test_a_repeated_sentence_counts_once_and_the_number_is_bounded() -> None:
    sentence = "Mayor Ada Moss opened the bridge over the Elm in May."
    assert texts_of(f"{sentence}\n{sentence}") == [sentence]
    many = " ".join(
        f"Mayor Ada Moss opened bridge number {number} over the Elm." for number in range(SENTENCES_MAX + 5)
    )
    assert len(texts_of(many)) == SENTENCES_MAX


PIECES = st.sampled_from(
    [
        *(
            "Mayor Ada Moss opened the bridge. ",
            "He left. ",
            "“No,” said Joe Field of the Elm council. ",
            "WASHINGTON (AP) — ",
        ),
        *(
            "\n",
            "\r\n",
            "\u2028",
            "<p>",
            "<b>",
            "&amp;",
            "\u00a0",
            "  ",
            "😀 ",
            "e\u0301",
            "“",
            '"',
            "(",
            "U.S. ",
            "No. 5 ",
            "?",
            "… ",
        ),
    ]
)


@given(text=st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join))
def test_law_a_sentence_is_verbatim_at_its_offset_and_they_do_not_overlap(text: str) -> None:
    found = usable_sentences(text, "en").sentences
    assert all(text[one.offset : one.offset + len(one.text)] == one.text for one in found)
    ends = [one.offset + len(one.text) for one in found]
    assert all(end <= later.offset for end, later in zip(ends, found[1:], strict=False))
    assert all(len(one.text) <= 600 for one in found)
