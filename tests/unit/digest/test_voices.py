"""Which reports say what a sentence says."""

from __future__ import annotations

from services.digest.core.story import Report
from services.digest.core.story_text import StoryText
from services.digest.core.voices import saying_reports
from tests.unit.digest.invented_story import FREQUENCIES, report, story

SENTENCE = "Mayor Ada Moss opened the harbour of Elm on Friday after 3 years of work."


def names_of(*reports: Report) -> set[str]:
    text = StoryText(story(*reports), FREQUENCIES)
    line = next(index for index, one in enumerate(text.lines) if one.sentence.text == SENTENCE and one.position == 0)
    return {text.reports[index].article_id for index in saying_reports(text, line)}


def test_the_same_in_other_words_of_the_order() -> None:
    other = "After 3 years of work, the harbour of Elm was opened by Mayor Ada Moss."
    assert names_of(report("a", SENTENCE), report("b", other)) == {"a", "b"}


def test_two_adjacent_sentences_together() -> None:
    parts = ("Mayor Ada Moss came to Elm on Friday.", "A harbour opened after 3 years of work.")
    assert names_of(report("a", SENTENCE), report("b", *parts)) == {"a", "b"}
    apart = (parts[0], "Nobody in Fairview heard anything about trains.", parts[1])
    assert names_of(report("a", SENTENCE), report("b", *apart)) == {"a"}


def test_the_same_subject_with_another_statement() -> None:
    other = "Mayor Ada Moss criticised fishermen in Elm, who blocked a road with nets and burning tyres."
    assert names_of(report("a", SENTENCE), report("b", other)) == {"a"}
