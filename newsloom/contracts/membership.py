"""The state of the clusterer in `article-stories`: the story of each article, its features, and a checkpoint per edition.

An engine holds hundreds of thousands of these structs. They cannot be part of a reference cycle, so `gc=False` spares the
garbage collector from scanning them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import msgspec

from newsloom.contracts.article import ArticleId, Edition, Label, Leaning, Timestamp, Url
from newsloom.contracts.command import CommandRef
from newsloom.contracts.vector import FIRST_PREPARATION, Preparation


class Verdict(Enum):
    """How an article got into its story."""

    FOUNDED = "founded"
    JOINED = "joined"
    COPIED = "copied"
    KEPT = "kept"
    COMMANDED = "commanded"


class Candidate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A story that an article was compared with.

    `score` = (share x `centroid` + (1 - share) x `mean`) x `time`. `centroid` is the cosine with the story's centroid,
    `mean` the mean similarity to its reports, a sum of the parts `title`, `lead` and `terms`. `time` is the decay with the
    distance in time to the story's span and mean time.
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
    """Why an article is in its story.

    `candidates` are the best stories at the time, best first. Names, numbers or a period spoke against the first
    `kept_out` of them. The score of the next one had to reach `bar`, which rises with the mean and standard deviation of
    the scores of `background_count` others. A copy has no
    candidates; it has the `jaccard` index of its text with that of the original, and `fit`, the cosine between the title of
    one and the lead of the other. With the verdict `commanded` all of these are empty: `placed_by` names the command.
    """

    verdict: Verdict
    bar: float | None = None
    background_mean: float | None = None
    background_std: float | None = None
    background_count: int = 0
    candidates: tuple[Candidate, ...] = ()
    jaccard: float | None = None
    fit: float | None = None
    kept_out: int = 0


class MergeDecision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why the former story of an article was merged into its present one.

    There are three cases. The `affinity` of the two stories reached the `bar`. Or the only report of a story was decided
    again: then `second_look` is that decision, and `affinity` the score of its first candidate. Or a `command` merged them:
    then the other fields are empty.
    """

    from_story_id: str
    affinity: float | None = None
    bar: float | None = None
    command: CommandRef | None = None
    second_look: Decision | None = None


class Membership(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="membership", gc=False
):
    """The story of an article, with the features of the article that the clusterer needs after a restart.

    `sequence` numbers the articles of an edition in order of arrival. The vectors are those of `ArticleVector` in fixed
    point: int16, scaled by 2**14. `term_weights` (int16, scaled by 2**8) are the TF-IDF weights when the article arrived. If
    the text is boilerplate shared with the article `boilerplate_of`, the lead's vector is that of the title, and `terms`
    leaves out the terms of that article. `decision` is why the article got into a story, `merge` why that story became
    this one. `placed_by` is the latest command that placed the article: the engine never moves it after that. Features
    are empty in records written when the story was no longer comparable.

    A report and its copies are a copy group. `copy_of` is the report of which the article was a copy when this record was
    written; that report may have left since. `copy_group` names the group if the name differs from `copy_of`, or from the
    article's own id if it is a report. `report_ids` tells which article is the report of a group now.
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
    stems: bytes = b""
    stem_marks: bytes = b""
    copy_group: str | None = None

    @property
    def group(self) -> str:
        """The name of its copy group, which is unique within the edition."""
        return self.copy_group or self.copy_of or self.article_id


class ClockState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of an edition's clocks, beside the watermark.

    `arrived_at` is the time by which articles have arrived, by the timestamps of their records. `arrivals` are the timestamps
    and `dates` the publication times of the latest articles, oldest first. `undated_run` counts the articles without a date
    since the last one that had one. `set_back_from` is the latest time from which one of the clocks was set back, because the
    clock of a producer had been wrong.
    """

    arrived_at: Timestamp
    arrivals: tuple[Timestamp, ...] = ()
    dates: tuple[Timestamp, ...] = ()
    undated_run: int = 0
    set_back_from: Timestamp | None = None


class ZeroPointState(msgspec.Struct, frozen=True, kw_only=True):
    """What is subtracted from embeddings before they are compared: int16, little-endian, scaled by 2**14.

    `measured_at` is the number of articles that the edition had had when it was measured; for the zero point of a language, the
    number of reports in it that could be compared then.
    """

    title: bytes
    lead: bytes
    measured_at: int


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="checkpoint"):
    """The progress of an edition.

    `watermark` is the event time of the edition, `next_sequence` the sequence number of the next article. `model`,
    `dimension` and `preparation` are those of every vector of the edition. `stories_forgotten` counts the
    stories forgotten so far. A closed story all of whose articles have a sequence number below `comparable_from` takes no late
    articles: an earlier version closed it, or its vectors are of another model. Checkpoints of earlier versions have no `clock`
    and no `comparable_from`; those of an edition whose zero point was not measured yet have no `zero_point`. An edition of
    several languages has `language_zero_points`: those of the languages that differ from it.
    """

    edition: Edition
    watermark: Timestamp
    next_sequence: int
    model: str
    dimension: int
    preparation: Preparation = FIRST_PREPARATION
    clock: ClockState | None = None
    stories_forgotten: int = 0
    comparable_from: int | None = None
    zero_point: ZeroPointState | None = None
    language_zero_points: dict[str, ZeroPointState] = {}

    def __post_init__(self) -> None:
        """Make an equal preparation the default itself: msgspec omits defaults by identity."""
        if self.preparation == FIRST_PREPARATION:
            msgspec.structs.force_setattr(self, "preparation", FIRST_PREPARATION)


StateRecord = Membership | Checkpoint


def membership_key(edition: str, article_id: str) -> bytes:
    """Build the key of an article's membership. It is unambiguous, because an edition contains no slash."""
    return f"{edition}/{article_id}".encode()


def checkpoint_key(edition: str) -> bytes:
    """Build the key of an edition's checkpoint: a membership key with an empty article id, which no article has."""
    return f"{edition}/".encode()


def report_ids(members: Iterable[Membership]) -> dict[tuple[str, str], ArticleId]:
    """Return the id of the report of each copy group, by edition and name of the group.

    The report is the article without `copy_of`. If that one has left, it is the article with the lowest sequence number:
    a departure writes no record for those that stay.
    """
    ranked = sorted(members, key=lambda member: (member.copy_of is not None, member.sequence), reverse=True)
    return {(member.edition, member.group): member.article_id for member in ranked}
