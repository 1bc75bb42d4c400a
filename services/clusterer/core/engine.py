"""The engine of one edition: each event in, and what it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from newsloom.contracts.membership import Decision, Membership, Verdict
from newsloom.contracts.story import Cause, Story, StoryState, UpdateKind
from newsloom.contracts.vector import ArticleRetraction, ArticleVector
from services.clusterer.core.assign import Candidate, ranked
from services.clusterer.core.changes import Changes
from services.clusterer.core.consolidate import affinity, related_stories
from services.clusterer.core.copies import decode_shingles
from services.clusterer.core.edition import EPOCH, Edition
from services.clusterer.core.fixed_point import Vector, decode_vector, encode_vector, from_half, widened
from services.clusterer.core.projection import snapshot
from services.clusterer.core.story import LiveStory
from services.clusterer.core.unusable import Unusable

UNPLACED: Final = ""
UNDECIDED: Final = Decision(verdict=Verdict.FOUNDED, bar=0.0)


class Engine:
    """Decides, for one edition, what each article is part of.

    After every event no open story is overdue, every article is in exactly one story, and counts equal memberships.
    """

    def __init__(self, edition: Edition) -> None:
        self._edition = edition
        self._parameters = edition.parameters

    @property
    def edition(self) -> Edition:
        """The stories as they stand."""
        return self._edition

    def apply(self, event: ArticleVector | ArticleRetraction) -> Changes:
        """Take one event in and return everything it changes.

        A repeat of a known article, unchanged, and the retraction of an unknown one change nothing.

        Raises:
            Unusable: the event cannot be used (a vector of another size, shingles out of order); nothing has changed.

        """
        self._edition.changes = Changes()
        if isinstance(event, ArticleRetraction):
            self._retract(event.article_id)
        else:
            self._take(event)
        self._close_due()
        return self._edition.changes

    def story(self, story_id: str) -> Story | None:
        """The story as it is to be published; None once it is forgotten."""
        story = self._edition.stories.get(story_id)
        return snapshot(story, self._edition.name) if story is not None else None

    def _take(self, event: ArticleVector) -> None:
        if self._is_repeat(event):
            return
        vector = self._usable_vector(event)
        self._advance(event.published_at)
        # Only now: the article's story may just have closed, or have been forgotten.
        home = self._edition.story_of(event.article_id)
        if home is None:
            self._place(_unplaced(event, vector, self._edition.next_sequence))
            return
        corrected = _unplaced(event, vector, home.members[event.article_id].sequence)
        if home.is_open:
            self._correct(home, corrected)
        else:
            self._correct_closed(home, corrected)

    def _is_repeat(self, event: ArticleVector) -> bool:
        story = self._edition.story_of(event.article_id)
        return story is not None and story.members[event.article_id].digest == event.digest

    def _usable_vector(self, event: ArticleVector) -> Vector:
        decode_shingles(event.shingles)
        vector = from_half(event.vector)
        if vector.size != self._edition.dimension:
            raise Unusable(
                f"vector has {vector.size} dimensions, this edition's have {self._edition.dimension} - at `$.vector`"
            )
        return vector

    # --- decisions

    def _place(self, member: Membership) -> None:
        self._edition.next_sequence += 1
        candidates = self._candidates(member)
        placed, story = self._decide(member, candidates)
        kind = UpdateKind.UPDATED if story.members else UpdateKind.CREATED
        self._edition.admit(story, placed)
        self._edition.publish(story, kind, Cause.ARTICLE, article=placed)
        if placed.decision.verdict is Verdict.JOINED:
            self._merge_late(story, candidates)

    def _decide(self, member: Membership, candidates: list[Candidate]) -> tuple[Membership, LiveStory]:
        """The story the article belongs to, new if need be, and the article with the reason why."""
        copied = self._original(member)
        if copied is not None:
            return copied
        best = candidates[0] if candidates else None
        bar = self._parameters.join_bar
        if best is not None and best.score >= bar:
            return _decided(member, best.story, Verdict.JOINED, bar, best), best.story
        founded = self._edition.found(member)
        return _decided(member, founded, Verdict.FOUNDED, bar, best), founded

    def _original(self, member: Membership) -> tuple[Membership, LiveStory] | None:
        originals = []
        for jaccard, article_id in self._edition.copies.originals(decode_shingles(member.shingles)):
            story = self._edition.stories[self._edition.articles[article_id]]
            originals.append((-jaccard, story.members[article_id].sequence, article_id, story))
        if not originals:
            return None
        score, _, article_id, story = min(originals, key=lambda found: found[:2])
        copied = _decided(member, story, Verdict.COPIED, self._parameters.copy_jaccard, Candidate(-score, story))
        return msgspec.structs.replace(copied, copy_of=article_id), story

    def _candidates(self, member: Membership) -> list[Candidate]:
        vector = widened(decode_vector(member.vector))
        nearest = self._edition.index.nearest(vector, self._parameters.candidates)
        stories = [self._edition.stories[story_id] for story_id in nearest]
        return ranked(vector, member.published_at, stories, self._parameters)

    def _merge_late(self, story: LiveStory, candidates: list[Candidate]) -> None:
        """The story that was joined and its closest rival become one, if they are nearly the same."""
        rival = next((candidate.story for candidate in candidates if candidate.story is not story), None)
        if rival is None:
            return
        score = affinity(story, rival, self._parameters)
        if score >= self._parameters.merge_bar:
            survivor, absorbed = sorted((story, rival), key=_seniority)
            self._edition.absorb(survivor, absorbed, score)

    # --- corrections and retractions

    def _correct(self, home: LiveStory, member: Membership) -> None:
        self._edition.release(member.article_id)
        placed, story = self._decide_again(home, member)
        is_new = not story.members and story is not home
        self._edition.admit(story, placed)
        if story is home:
            self._edition.publish(home, UpdateKind.UPDATED, Cause.CORRECTION, article=placed)
            return
        self._edition.publish(home, UpdateKind.MOVED, Cause.CORRECTION, article=placed)
        kind = UpdateKind.CREATED if is_new else UpdateKind.MOVED
        self._edition.publish(story, kind, Cause.CORRECTION, article=placed)

    def _decide_again(self, home: LiveStory, member: Membership) -> tuple[Membership, LiveStory]:
        """A corrected article stays where it is as long as it fits there."""
        bar = self._parameters.join_bar
        if not home.members:
            return _decided(member, home, Verdict.KEPT, bar, None), home
        candidates = self._candidates(member)
        at_home = next((candidate for candidate in candidates if candidate.story is home), None)
        if at_home is not None and at_home.score >= bar and self._original(member) is None:
            return _decided(member, home, Verdict.KEPT, bar, at_home), home
        return self._decide(member, candidates)

    def _correct_closed(self, home: LiveStory, member: Membership) -> None:
        self._edition.release(member.article_id)
        placed = _decided(member, home, Verdict.KEPT, self._parameters.join_bar, None)
        self._edition.admit(home, placed)
        home.retitle(placed)
        self._edition.publish(home, UpdateKind.UPDATED, Cause.CORRECTION, article=placed)

    def _retract(self, article_id: str) -> None:
        story = self._edition.story_of(article_id)
        if story is None:
            return
        member = self._edition.expel(article_id)
        kind = UpdateKind.UPDATED
        if not story.members and story.is_open:
            self._edition.end(story, StoryState.CLOSED)
            kind = UpdateKind.CLOSED
        self._edition.publish(story, kind, Cause.RETRACTION, article=member)

    # --- time

    def _advance(self, moment: datetime) -> None:
        before = self._edition.watermark
        if moment <= before:
            return
        self._edition.watermark = moment
        self._close_due()
        self._forget_due()
        every = self._parameters.related_every
        if (moment - EPOCH) // every != (before - EPOCH) // every:
            self._relate()

    def _close_due(self) -> None:
        while (due := self._edition.closing.take(self._edition.watermark)) is not None:
            moment, story_id = due
            story = self._edition.stories[story_id]
            self._edition.end(story, StoryState.CLOSED)
            self._edition.publish(story, UpdateKind.CLOSED, Cause.SILENCE, at=moment)

    def _forget_due(self) -> None:
        while (due := self._edition.forgetting.take(self._edition.watermark)) is not None:
            self._edition.forget(self._edition.stories[due[1]])

    def _relate(self) -> None:
        for story_id, related in sorted(related_stories(self._edition.open_stories()).items()):
            story = self._edition.stories[story_id]
            if story.related != related:
                story.related = related
                self._edition.publish(story, UpdateKind.UPDATED, Cause.RELATED)


def _unplaced(event: ArticleVector, vector: Vector, sequence: int) -> Membership:
    return Membership(
        article_id=event.article_id,
        edition=event.edition,
        story_id=UNPLACED,
        sequence=sequence,
        title=event.title,
        published_at=event.published_at.astimezone(UTC),
        digest=event.digest,
        words=event.words,
        shingles=event.shingles,
        vector=encode_vector(vector),
        decision=UNDECIDED,
        url=event.url,
        outlet=event.outlet,
        language=event.language,
        leaning=event.leaning,
    )


def _decided(member: Membership, story: LiveStory, verdict: Verdict, bar: float, best: Candidate | None) -> Membership:
    decision = Decision(
        verdict=verdict,
        bar=bar,
        best_story_id=best.story.id if best is not None else None,
        best_score=best.score if best is not None else None,
    )
    return msgspec.structs.replace(member, story_id=story.id, decision=decision)


def _seniority(story: LiveStory) -> tuple[int, datetime, str]:
    """The larger story first; of two as large, the older."""
    return -story.article_count, story.first_published_at, story.id
