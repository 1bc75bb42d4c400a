"""One example of every event, as objects. newsloom/contracts/golden has the same events as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from newsloom.contracts import cloudevents
from newsloom.contracts.article import Article, Leaning
from newsloom.contracts.cloudevents import EventHeaders
from newsloom.contracts.command import (
    MergeStories,
    MoveArticle,
    PinStory,
    SplitStory,
    StoryCommand,
    UnpinStory,
    command_ref,
)
from newsloom.contracts.membership import Candidate, Checkpoint, Decision, Membership, MergeDecision, Verdict
from newsloom.contracts.story import ArticleRef, Cause, HistoryEntry, Story, StoryState, StoryUpdate, UpdateKind
from newsloom.contracts.topics import (
    ARTICLE_STORIES,
    ARTICLE_VECTORS,
    ARTICLES,
    STORIES,
    STORY_COMMANDS,
    STORY_UPDATES,
    TopicDefinition,
)
from newsloom.contracts.vector import ArticleRetraction, ArticleVector

MORNING = datetime(2025, 4, 18, 8, 30, tzinfo=UTC)
NOON = datetime(2025, 4, 18, 12, 5, tzinfo=UTC)
STORY = "st-mfzwk3lqnfxgc5dj"
OTHER = "st-orsxg5dxn5zgkzdu"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True)
class Example:
    """An event: its topic, key, headers and value, which is None for a tombstone or a retraction."""

    topic: TopicDefinition
    key: str
    headers: EventHeaders
    value: msgspec.Struct | None


def _headers(kind: str, subject: str, *, ident: str, source: str = "newsloom/clusterer") -> EventHeaders:
    return EventHeaders(
        id=ident, source=source, type=kind, subject=subject, time=NOON, edition="main", traceparent=TRACEPARENT
    )


ARTICLE = Article(
    id="hl-0418-001",
    title="Envoy says talks may end within days",
    text="The envoy told reporters that the talks would end within days unless both sides moved.",
    published_at=MORNING,
    url="https://harbor-ledger.example/world/talks",
    outlet="Harbor Ledger",
    author="Jane Doe",
    language="en",
    leaning=Leaning.LEFT,
)
VECTOR = ArticleVector(
    article_id=ARTICLE.id,
    edition="main",
    title=ARTICLE.title,
    published_at=MORNING,
    digest="5f3c6c2f8d1e4b7aa0b1c2d3e4f50617",
    words=22,
    shingles=bytes([1, 0, 0, 0, 2, 0, 0, 0]),
    title_vector=bytes([0, 0, 0, 60]),
    lead_vector=bytes([0, 60, 0, 0]),
    terms=bytes([7, 0, 0, 0, 9, 0, 0, 0]),
    term_counts=bytes([1, 3]),
    model="all-MiniLM-L6-v2",
    preparation="1",
    url=ARTICLE.url,
    outlet=ARTICLE.outlet,
    language="en",
    leaning=Leaning.LEFT,
)
MEMBERSHIP = Membership(
    article_id=ARTICLE.id,
    edition="main",
    story_id=STORY,
    sequence=41,
    title=ARTICLE.title,
    published_at=MORNING,
    digest=VECTOR.digest,
    words=22,
    shingles=VECTOR.shingles,
    title_vector=bytes([0, 0, 0, 64]),
    lead_vector=bytes([0, 64, 0, 0]),
    terms=VECTOR.terms,
    term_weights=bytes([0, 4, 0, 9]),
    decision=Decision(
        verdict=Verdict.JOINED,
        bar=0.28125,
        background_mean=0.125,
        background_std=0.0625,
        background_count=1,
        candidates=(
            Candidate(
                story_id=STORY, score=0.5, centroid=0.625, mean=0.5, title=0.125, lead=0.25, terms=0.125, time=0.9375
            ),
            Candidate(
                story_id=OTHER, score=0.125, centroid=0.25, mean=0.125, title=0.0, lead=0.0625, terms=0.0625, time=0.5
            ),
        ),
    ),
    url=ARTICLE.url,
    outlet=ARTICLE.outlet,
    language="en",
    leaning=Leaning.LEFT,
    merge=MergeDecision(from_story_id=OTHER, affinity=0.4375, bar=0.375),
)
ARTICLE_REF = ArticleRef(
    id=ARTICLE.id,
    title=ARTICLE.title,
    published_at=MORNING,
    outlet=ARTICLE.outlet,
    leaning=Leaning.LEFT,
    url=ARTICLE.url,
)
COPY_REF = ArticleRef(
    id="pm-0418-009",
    title=ARTICLE.title,
    published_at=NOON,
    outlet="The Plainsman",
    leaning=Leaning.RIGHT,
    copy_of=ARTICLE.id,
)
COMMAND_FIELDS: dict[str, Any] = {
    "edition": "main",
    "by": "Jane Doe",
    "why": "Two talks in two cities.",
    "issued_at": NOON,
}
COMMANDS: dict[str, StoryCommand] = {
    "merge": MergeStories(command_id="cmd-1", story_id=STORY, other_story_id=OTHER, **COMMAND_FIELDS),
    "split": SplitStory(command_id="cmd-2", story_id=OTHER, article_ids=(ARTICLE.id, COPY_REF.id), **COMMAND_FIELDS),
    "move": MoveArticle(command_id="cmd-3", article_id=ARTICLE.id, story_id=STORY, **COMMAND_FIELDS),
    "pin": PinStory(command_id="cmd-4", story_id=STORY, **COMMAND_FIELDS),
    "unpin": UnpinStory(command_id="cmd-5", story_id=STORY, **COMMAND_FIELDS),
}
SPLIT_MEMBERSHIP = Membership(
    article_id=COPY_REF.id,
    edition="main",
    story_id=STORY,
    sequence=43,
    title=COPY_REF.title,
    published_at=NOON,
    digest="0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    words=22,
    shingles=VECTOR.shingles,
    title_vector=MEMBERSHIP.title_vector,
    lead_vector=MEMBERSHIP.lead_vector,
    terms=VECTOR.terms,
    term_weights=MEMBERSHIP.term_weights,
    decision=Decision(verdict=Verdict.COMMANDED),
    copy_of=ARTICLE.id,
    placed_by=command_ref(COMMANDS["split"]),
    copy_group=f"{ARTICLE.id}#2",
)
SNAPSHOT = Story(
    id=STORY,
    edition="main",
    state=StoryState.OPEN,
    title=ARTICLE.title,
    title_article_id=ARTICLE.id,
    version=2,
    article_count=2,
    report_count=1,
    outlet_count=2,
    outlets={"Harbor Ledger": 1, "The Plainsman": 1},
    leanings={"left": 1, "right": 1},
    first_published_at=MORNING,
    last_published_at=NOON,
    updated_at=NOON,
    history=(
        HistoryEntry(version=1, at=MORNING, article_count=1, title=ARTICLE.title, kind=UpdateKind.CREATED),
        HistoryEntry(version=2, at=NOON, article_count=2, title=ARTICLE.title),
    ),
    articles=(COPY_REF, ARTICLE_REF),
    split_into=("st-nzsxo43uovrgk3tf",),
    kept_apart=("st-nzsxo43uovrgk3tf",),
    pinned=command_ref(COMMANDS["pin"]),
    related=(OTHER,),
)


def _update(kind: UpdateKind, cause: Cause, **changes: object) -> StoryUpdate:
    update = StoryUpdate(
        story_id=STORY,
        edition="main",
        version=2,
        kind=kind,
        cause=cause,
        at=NOON,
        state=StoryState.OPEN,
        title=ARTICLE.title,
        article_count=2,
        article_count_before=1,
        report_count=1,
        outlet_count=2,
        outlets={"Harbor Ledger": 1, "The Plainsman": 1},
        leanings={"left": 1, "right": 1},
    )
    return msgspec.structs.replace(update, **changes)


UPDATES = {
    "created": _update(UpdateKind.CREATED, Cause.ARTICLE, version=1, article_count_before=0, article=ARTICLE_REF),
    "updated": _update(UpdateKind.UPDATED, Cause.ARTICLE, state=StoryState.CLOSED, article=COPY_REF, late=True),
    "merged": _update(UpdateKind.MERGED, Cause.SIMILARITY, merged_from=(OTHER,)),
    "moved": _update(UpdateKind.MOVED, Cause.CORRECTION, article=ARTICLE_REF),
    "split": _update(
        UpdateKind.SPLIT,
        Cause.COMMAND,
        story_id=OTHER,
        article_count=5,
        article_count_before=7,
        article_ids=(ARTICLE.id, COPY_REF.id),
        command=command_ref(COMMANDS["split"]),
        split_into=(STORY,),
        kept_apart=(STORY,),
    ),
    "closed": _update(UpdateKind.CLOSED, Cause.SILENCE, state=StoryState.CLOSED, article_count_before=2),
}

EXAMPLES = (
    {
        "article": Example(
            ARTICLES,
            ARTICLE.id,
            _headers(
                cloudevents.ARTICLE_PUBLISHED,
                f"main/{ARTICLE.id}",
                ident="main/hl-0418-001/1",
                source="newsloom/ingest",
            ),
            ARTICLE,
        ),
        "article-retracted": Example(
            ARTICLES,
            ARTICLE.id,
            _headers(
                cloudevents.ARTICLE_RETRACTED,
                f"main/{ARTICLE.id}",
                ident="main/hl-0418-001/2",
                source="newsloom/ingest",
            ),
            None,
        ),
        "article-vector": Example(
            ARTICLE_VECTORS,
            "main",
            _headers(
                cloudevents.ARTICLE_VECTORIZED,
                f"main/{ARTICLE.id}",
                ident="news.articles/0/41",
                source="newsloom/embedder",
            ),
            VECTOR,
        ),
        "article-vector-retracted": Example(
            ARTICLE_VECTORS,
            "main",
            _headers(
                cloudevents.VECTOR_RETRACTED,
                f"main/{ARTICLE.id}",
                ident="news.articles/0/42",
                source="newsloom/embedder",
            ),
            ArticleRetraction(article_id=ARTICLE.id, edition="main"),
        ),
        "story-command-passed": Example(
            ARTICLE_VECTORS,
            "main",
            _headers(
                cloudevents.COMMAND_PASSED, "main/cmd-1", ident="news.story-commands/0/3", source="newsloom/embedder"
            ),
            COMMANDS["merge"],
        ),
        "membership-commanded": Example(
            ARTICLE_STORIES,
            f"main/{COPY_REF.id}",
            _headers(cloudevents.MEMBERSHIP, f"main/{COPY_REF.id}", ident="news.article-vectors/0/44/1"),
            SPLIT_MEMBERSHIP,
        ),
        "membership": Example(
            ARTICLE_STORIES,
            f"main/{ARTICLE.id}",
            _headers(cloudevents.MEMBERSHIP, f"main/{ARTICLE.id}", ident="news.article-vectors/0/41/0"),
            MEMBERSHIP,
        ),
        "membership-removed": Example(
            ARTICLE_STORIES,
            f"main/{ARTICLE.id}",
            _headers(cloudevents.MEMBERSHIP, f"main/{ARTICLE.id}", ident="news.article-vectors/0/48/0"),
            None,
        ),
        "checkpoint": Example(
            ARTICLE_STORIES,
            "main/",
            _headers(cloudevents.CHECKPOINT, "main", ident="news.article-vectors/0/41/checkpoint"),
            Checkpoint(
                edition="main",
                watermark=NOON,
                next_sequence=42,
                model="all-MiniLM-L6-v2",
                dimension=384,
                comparable_from=17,
            ),
        ),
        "story": Example(
            STORIES, STORY, _headers(cloudevents.STORY_SNAPSHOT, STORY, ident=f"{STORY}/2/snapshot"), SNAPSHOT
        ),
        "story-forgotten": Example(
            STORIES, STORY, _headers(cloudevents.STORY_SNAPSHOT, STORY, ident=f"{STORY}/forgotten/snapshot"), None
        ),
    }
    | {
        f"story-{name}": Example(
            STORY_UPDATES,
            update.story_id,
            _headers(
                cloudevents.story_update_type(update.kind), update.story_id, ident=f"{update.story_id}/{update.version}"
            ),
            update,
        )
        for name, update in UPDATES.items()
    }
    | {
        f"story-command-{name}": Example(
            STORY_COMMANDS,
            "main",
            _headers(
                cloudevents.COMMAND_ISSUED,
                f"main/{command.command_id}",
                ident=command.command_id,
                source="newsloom/stories",
            ),
            command,
        )
        for name, command in COMMANDS.items()
    }
)
