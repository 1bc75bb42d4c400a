"""The engine of one edition: each event in, and what it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from newsloom.contracts.command import CommandRef
from newsloom.contracts.membership import Decision, Membership, MergeDecision, Verdict
from newsloom.contracts.story import Cause, Story, StoryState, UpdateKind
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from services.clusterer.core.affinity import related_stories, story_affinity
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.commands import apply_command
from services.clusterer.core.copy_detection import CopyDetection, TextMatch, detect_copy, find_original
from services.clusterer.core.edition import Edition, Representation
from services.clusterer.core.features import UnweightedFeatures, decode_features, length_correction
from services.clusterer.core.fixed_point import ExactVector, encode_int16
from services.clusterer.core.hashes import encode_hashes
from services.clusterer.core.publication import story_snapshot
from services.clusterer.core.ranking import Bar, StoryScore, build_decision, joining_bar, rank_stories
from services.clusterer.core.second_look import run_second_looks
from services.clusterer.core.separation import may_merge
from services.clusterer.core.space import EPOCH, unix_ms
from services.clusterer.core.story import LiveStory

UNPLACED: Final = ""
UNDECIDED: Final = Decision(verdict=Verdict.FOUNDED)


class StoryChoice(NamedTuple):
    """Where an article belongs, why, and which story came second."""

    story: LiveStory
    decision: Decision
    copy_of: str | None = None
    rival: LiveStory | None = None


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

    def apply(self, event: VectorEvent) -> StoryChanges:
        """Take one event in and return everything it changes.

        A repeat of a known article, unchanged, and the retraction of an unknown one change nothing.

        Raises:
            Unusable: the event cannot be used (a vector of another size, hashes out of order, a command that is refused);
                nothing has changed.

        """
        self._edition.changes = StoryChanges()
        if isinstance(event, ArticleVector):
            self._take(event)
        elif isinstance(event, ArticleRetraction):
            self._retract(event.article_id)
        else:
            apply_command(event, self._edition)
        self._close_due()
        return self._edition.changes

    def story(self, story_id: str) -> Story | None:
        """The story as it is to be published; None once it is forgotten."""
        story = self._edition.stories.get(story_id)
        return story_snapshot(story, self._edition.name) if story is not None else None

    def _take(self, event: ArticleVector) -> None:
        if self._is_repeat(event):
            return
        unweighted = decode_features(event, self._edition.calibration.dimension)
        self._advance(event.published_at)
        # Only now: the article's story may just have closed, or have been forgotten.
        home = self._edition.story_of(event.article_id)
        if home is None:
            self._place(event, unweighted)
        elif home.is_open:
            self._correct(home, event, unweighted)
        else:
            self._correct_closed(home, event, unweighted)

    def _is_repeat(self, event: ArticleVector) -> bool:
        story = self._edition.story_of(event.article_id)
        return story is not None and story.members[event.article_id].digest == event.digest

    def _read(self, unweighted: UnweightedFeatures) -> CopyDetection:
        return detect_copy(self._edition, unweighted.weighted(self._edition.frequencies))

    # --- decisions

    def _place(self, event: ArticleVector, unweighted: UnweightedFeatures) -> None:
        reading = self._read(unweighted)
        member = _unplaced(event, reading, self._edition.next_sequence)
        self._edition.next_sequence += 1
        placement = self._decide(member, reading)
        story = placement.story
        kind = UpdateKind.UPDATED if story.members else UpdateKind.CREATED
        placed = _placed(member, placement)
        self._edition.admit(story, placed, reading.compared)
        self._edition.publish(story, kind, Cause.ARTICLE, article=placed)
        if placement.rival is not None:
            self._merge_late(story, placement.rival)

    def _decide(self, member: Membership, reading: CopyDetection) -> StoryChoice:
        """The story the article belongs to, new if need be."""
        if reading.original is not None:
            return self._copied(reading.original)
        vector = reading.compared.vector
        scores = self._scores(member, reading.compared)
        bar = joining_bar(scores, self._edition.space, self._parameters) if scores else None
        if bar is not None and scores[0].value >= bar.value:
            return self._joined(scores, bar, vector)
        decision = self._decision(Verdict.FOUNDED, scores, bar, vector)
        return StoryChoice(self._edition.found(member), decision)

    def _copied(self, original: TextMatch) -> StoryChoice:
        bar, report = self._parameters.copy_jaccard, original.report
        decision = Decision(verdict=Verdict.COPIED, bar=bar, jaccard=original.jaccard, fit=original.fit)
        return StoryChoice(self._edition.stories[report.story_id], decision, copy_of=report.article_id)

    def _scores(self, member: Membership, compared: Representation) -> list[StoryScore]:
        correction = length_correction(compared.features.words, self._parameters)
        at = unix_ms(member.published_at)
        return rank_stories(compared.vector, at, correction, self._edition.space, self._parameters)

    def _joined(self, scores: list[StoryScore], bar: Bar, vector: ExactVector) -> StoryChoice:
        story = self._edition.stories[scores[0].story_id]
        rival = self._edition.stories[scores[1].story_id] if len(scores) > 1 else None
        return StoryChoice(story, self._decision(Verdict.JOINED, scores, bar, vector), rival=rival)

    def _decision(self, verdict: Verdict, scores: list[StoryScore], bar: Bar | None, vector: ExactVector) -> Decision:
        return build_decision(verdict, scores, bar, vector, self._edition.space)

    def _merge_late(self, story: LiveStory, rival: LiveStory) -> None:
        """The story that was joined and its runner-up become one, if the article has shown them to be."""
        if not may_merge(story, rival, self._edition.stories):
            return
        score, bar = (
            story_affinity(story.slot, rival.slot, self._edition.space, self._parameters),
            self._parameters.merge_bar,
        )
        if score >= bar:
            survivor, absorbed = sorted((story, rival), key=LiveStory.seniority)
            merge = MergeDecision(from_story_id=absorbed.id, affinity=score, bar=bar)
            self._edition.absorb(survivor, absorbed, merge)

    # --- corrections and retractions

    def _correct(self, home: LiveStory, event: ArticleVector, unweighted: UnweightedFeatures) -> None:
        released = self._edition.release(event.article_id)
        reading = self._read(unweighted)
        member = _unplaced(event, reading, released.sequence, placed_by=released.placed_by)
        placement = self._decide_again(home, member, reading)
        story = placement.story
        is_new = not story.members and story is not home
        placed = _placed(member, placement)
        self._edition.admit(story, placed, reading.compared)
        if story is home:
            self._edition.publish(home, UpdateKind.UPDATED, Cause.CORRECTION, article=placed)
            return
        self._edition.publish(home, UpdateKind.MOVED, Cause.CORRECTION, article=placed)
        kind = UpdateKind.CREATED if is_new else UpdateKind.MOVED
        self._edition.publish(story, kind, Cause.CORRECTION, article=placed)

    def _decide_again(self, home: LiveStory, member: Membership, reading: CopyDetection) -> StoryChoice:
        """A corrected article stays where it is as long as it fits there, or if a command wants it there."""
        if not home.members:
            return StoryChoice(home, Decision(verdict=Verdict.KEPT))
        if member.placed_by is not None or home.pinned is not None:
            verdict = Verdict.KEPT if member.placed_by is None else Verdict.COMMANDED
            return self._kept(home, verdict, reading)
        if reading.original is None:
            vector = reading.compared.vector
            scores = self._scores(member, reading.compared)
            bar = joining_bar(scores, self._edition.space, self._parameters) if scores else None
            at_home = next((score for score in scores if score.story_id == home.id), None)
            if bar is not None and at_home is not None and at_home.value >= bar.value:
                return StoryChoice(home, self._decision(Verdict.KEPT, scores, bar, vector))
        placement = self._decide(member, reading)
        # Article by article, corrections would bring together again what a command has told apart.
        return placement if placement.story.id not in home.kept_apart else self._kept(home, Verdict.KEPT, reading)

    def _kept(self, home: LiveStory, verdict: Verdict, reading: CopyDetection) -> StoryChoice:
        original = find_original(home, self._edition, reading.compared)
        return StoryChoice(home, Decision(verdict=verdict), copy_of=original)

    def _correct_closed(self, home: LiveStory, event: ArticleVector, unweighted: UnweightedFeatures) -> None:
        was_title = home.title_article_id == event.article_id
        released = self._edition.release(event.article_id)
        member = _unplaced(event, self._read(unweighted), released.sequence, placed_by=released.placed_by)
        placed = _placed(member, StoryChoice(home, Decision(verdict=Verdict.KEPT)))
        self._edition.admit(home, placed)
        if was_title:
            home.title, home.title_article_id = placed.title, placed.article_id
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
        run_second_looks(self._edition)
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
        found = related_stories(self._edition.open_stories(), self._edition.space)
        for story_id, related in sorted(found.items()):
            story = self._edition.stories[story_id]
            if story.related != related:
                story.related = related
                self._edition.publish(story, UpdateKind.UPDATED, Cause.RELATED)


def _unplaced(
    event: ArticleVector, reading: CopyDetection, sequence: int, *, placed_by: CommandRef | None = None
) -> Membership:
    features = reading.compared.features
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
        title_vector=encode_int16(features.title),
        lead_vector=encode_int16(features.lead),
        terms=encode_hashes(features.terms),
        term_weights=encode_int16(features.term_weights),
        decision=UNDECIDED,
        url=event.url,
        outlet=event.outlet,
        language=event.language,
        leaning=event.leaning,
        boilerplate_of=reading.boilerplate_of,
        placed_by=placed_by,
    )


def _placed(member: Membership, placement: StoryChoice) -> Membership:
    return msgspec.structs.replace(
        member, story_id=placement.story.id, decision=placement.decision, copy_of=placement.copy_of
    )
