"""What a digest says about a story, in sentences of its own articles. No service publishes digests yet."""

from __future__ import annotations

from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Leaning, Timestamp
from newsloom.contracts.sentences import Offset, SentenceText

SIDE_STATEMENTS_MAX = 8
QUESTIONS_MAX = 8
ANSWER_STATEMENTS_MAX = 3
ANSWER_CHARACTERS_MAX = 600

Count = Annotated[int, msgspec.Meta(ge=0)]


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sentence of an article, word for word: `text` is `article.text[offset : offset + len(text)]`, in code points.

    `voices` of the `of` outlets that reported the story say so, this one included.
    """

    text: SentenceText
    article_id: ArticleId
    offset: Offset
    published_at: Timestamp
    voices: Count
    of: Count
    outlet: str | None = None
    leaning: Leaning | None = None
    url: str | None = None


class SideStatement(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """A sentence with the number of reports that say so: `here` on this side, `others` among the reports of all other sides.

    `particular`: the counts of the two differ by more than chance would explain.
    """

    here: Count
    others: Count
    particular: bool = False


class Side(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the reports of one leaning say most often. `reports` counts them, `other_reports` those of the other leanings."""

    leaning: Leaning
    reports: Count
    other_reports: Count
    statements: Annotated[tuple[SideStatement, ...], msgspec.Meta(max_length=SIDE_STATEMENTS_MAX)] = ()


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question with its answer.

    If an article asks it, `asked` is the question as a sentence of that article, and `statements` answer it. Otherwise the
    record of the story answers it (who reported first, how the story grew) with `answer`, and `statements` may be empty.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=ANSWER_CHARACTERS_MAX)]
    answer: Annotated[str, msgspec.Meta(max_length=ANSWER_CHARACTERS_MAX)] = ""
    asked: Statement | None = None
    statements: Annotated[tuple[Statement, ...], msgspec.Meta(max_length=ANSWER_STATEMENTS_MAX)] = ()
