"""What the clusterer keeps in `article-stories`: which story an article is in, and what it needs to go on after a restart.

An engine holds these by the hundred thousand. They cannot be part of a reference cycle, so the garbage collector need not
walk them (`gc=False`).
"""

from __future__ import annotations

from enum import Enum

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url
from newsloom.contracts.command import CommandRef


class Verdict(Enum):
    """How an article came to its story."""

    FOUNDED = "founded"
    JOINED = "joined"
    COPIED = "copied"
    KEPT = "kept"
    COMMANDED = "commanded"


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A story an article was compared with.

    `score` = (share x `centroid` + (1 - share) x `mean`) x `time`. `centroid` is the cosine with the story's centroid,
    `mean` the mean similarity to its reports, of which `title`, `lead` and `terms` are the three voices; `time` is the
    decay over the distance to the story's span and mean time.
    """

    story_id: str
    score: float
    centroid: float
    mean: float
    title: float
    lead: float
    terms: float
    time: float


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why an article came to its story.

    `candidates` are the best stories at the time, best first; the first had to reach `bar`, which rises with the mean and
    the spread of the `background_count` stories behind it. A copy has no candidates, but the Jaccard index of its text
    with that of the article it repeats, and how well (`fit`, a cosine) the title of one fits the lead of the other.
    `commanded` has neither: the membership names the command.
    """

    verdict: Verdict
    bar: float | None = None
    background_mean: float | None = None
    background_std: float | None = None
    background_count: int = 0
    candidates: tuple[Candidate, ...] = ()
    jaccard: float | None = None
    fit: float | None = None


class MergeDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why the article's former story became part of the one it is in now.

    Their `affinity` reached the `bar`; or a report that was alone in its story was looked at again, and `second_look` says which
    candidates it had then: the score of the first, which is `affinity` here, reached that bar; or a `command` wanted it, and
    there is nothing else.
    """

    from_story_id: str
    affinity: float | None = None
    bar: float | None = None
    command: CommandRef | None = None
    second_look: Decision | None = None


class Membership(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="membership", gc=False
):
    """An article's place, and the clusterer's own record of it.

    `sequence` is the article's place in the order of arrival within its edition. The vectors are those of `ArticleVector` in
    fixed point: int16, scaled by 2**14; `term_weights` (int16, scaled by 2**8) are TF-IDF weights as of the article's
    arrival. If the text is boilerplate that the article `boilerplate_of` has, too, the lead's vector is the title's, and
    `terms` are those the other has not. `decision` is how it came to a story, `merge` how that story became this one.
    `placed_by` is the latest command that put it where it is: from then on the engine itself never moves it. Features are
    empty in records written after the story closed.
    """

    article_id: ArticleId
    edition: Edition
    story_id: str
    sequence: int
    title: str
    published_at: Timestamp
    digest: str
    words: int
    shingles: bytes
    title_vector: bytes
    lead_vector: bytes
    terms: bytes
    term_weights: bytes
    decision: Decision
    url: Url | None = None
    outlet: Label | None = None
    language: str | None = None
    leaning: Leaning | None = None
    copy_of: ArticleId | None = None
    boilerplate_of: ArticleId | None = None
    merge: MergeDecision | None = None
    placed_by: CommandRef | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="checkpoint"):
    """How far an edition has come: what memberships and stories do not say.

    `watermark` is the latest publication time taken in; `next_sequence` the place of the next article; `model` and
    `dimension` are what every vector of the edition was made with.
    """

    edition: Edition
    watermark: Timestamp
    next_sequence: int
    model: str
    dimension: int


StateRecord = Membership | Checkpoint


def membership_key(edition: str, article_id: str) -> bytes:
    """The key of an article's membership. Editions hold no slash, so the key is unambiguous."""
    return f"{edition}/{article_id}".encode()


def checkpoint_key(edition: str) -> bytes:
    """The key of an edition's checkpoint: a membership key with no article, which no article can have."""
    return f"{edition}/".encode()
