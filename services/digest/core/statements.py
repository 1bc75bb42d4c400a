"""A line of a report as a published statement, with its source."""

from __future__ import annotations

from newsloom.contracts.digest import Statement
from services.digest.core.story_text import StoryText
from services.digest.core.voices import saying_reports, voices


def statement(text: StoryText, line: int) -> Statement:
    """Return the statement of a line, with the outlets that say so."""
    report, sentence = text.report_of(line), text.lines[line].sentence
    saying, of = voices(text, saying_reports(text, line))
    return Statement(
        text=sentence.text,
        article_id=report.article_id,
        offset=sentence.offset,
        published_at=report.published_at,
        voices=saying,
        of=of,
        outlet=report.outlet,
        leaning=report.leaning,
        url=report.url,
    )
