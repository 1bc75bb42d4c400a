"""The digests that the digest service publishes to `story-digests`: a story in sentences of its own articles."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Leaning, Timestamp
from newsloom.contracts.sentences import Offset, SentenceText
from newsloom.contracts.story import StoryState

DIGEST_BYTES_MAX = 61_440
OVERVIEW_MAX = 12
SIDE_STATEMENTS_MAX = 8
QUESTIONS_MAX = 8
ANSWER_STATEMENTS_MAX = 3
ANSWER_CHARACTERS_MAX = 600

Count = Annotated[int, msgspec.Meta(ge=0)]


class DigestCause(Enum):
    """Why a digest was made.

    `first`: the story reached three reports. `growth`: a quarter more reports than the last digest had. `elapsed`: a change was
    pending for half an hour of event time. `correction`, `retraction`: an article that the last digest cites was corrected, or
    has left. `closing`: the story has closed. The others name the change of the story.
    """

    FIRST = "first"
    GROWTH = "growth"
    TITLE = "title"
    MERGE = "merge"
    SPLIT = "split"
    MOVE = "move"
    ELAPSED = "elapsed"
    CLOSING = "closing"
    CORRECTION = "correction"
    RETRACTION = "retraction"


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


class DigestChanges(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changed since the last digest: its `version`, event time `at`, number of `reports` and `title`, if it was another.

    `added` lists the positions in `overview` of the sentences that were not in the last overview, `removed` counts those that
    were in the last one only: a sentence that was retracted is published nowhere.
    """

    version: Count
    at: Timestamp
    reports: Count
    title: str | None = None
    added: tuple[Count, ...] = ()
    removed: Count = 0


class StoryDigest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A story told by sentences of its own articles, each with its source.

    `version` numbers the digests of a story from 1; `story_version` is the version of the story that it was made from, `at` the
    event time. `articles` counts all articles, `reports` those that are not copies; `unread` counts the reports without
    sentences, for instance because there are no sentence rules for their language. `made_with` names the version of the method,
    `inputs` is a digest of everything that the method reads: two digests of a story with the same `made_with` and `inputs` have
    the same `overview`, `sides` and `questions`.
    """

    story_id: str
    edition: Edition
    version: Count
    story_version: Count
    state: StoryState
    cause: DigestCause
    at: Timestamp
    title: str
    made_with: Annotated[str, msgspec.Meta(max_length=64)]
    inputs: Annotated[str, msgspec.Meta(max_length=64)]
    articles: Count
    reports: Count
    unread: Count = 0
    overview: Annotated[tuple[Statement, ...], msgspec.Meta(max_length=OVERVIEW_MAX)] = ()
    sides: Annotated[tuple[Side, ...], msgspec.Meta(max_length=len(Leaning))] = ()
    questions: Annotated[tuple[Question, ...], msgspec.Meta(max_length=QUESTIONS_MAX)] = ()
    changes: DigestChanges | None = None
