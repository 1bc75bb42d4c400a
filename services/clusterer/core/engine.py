"""The engine of one edition: apply each event and return what it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from newsloom.contracts.command import CommandRef
from newsloom.contracts.membership import Decision, Membership, MergeDecision, Verdict
from newsloom.contracts.story import RELATED_MAX, Cause, Story, UpdateKind
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from services.clusterer.core.affinity import story_affinity
from services.clusterer.core.changes import StoryChanges
from services.clusterer.core.commands import apply_command
from services.clusterer.core.copy_detection import CopyDetection, TextMatch, detect_copy, find_original
from services.clusterer.core.edition import EditionState
from services.clusterer.core.features import UnweightedFeatures, decode_features, length_correction
from services.clusterer.core.fixed_point import ExactVector, encode_int16
from services.clusterer.core.gate import keeps_apart, speaks_against
from services.clusterer.core.hashes import encode_hashes
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.publication import story_snapshot
from services.clusterer.core.ranking import (
    Bar,
    StoryScore,
    build_decision,
    joining_bar,
    missing_cohesion,
    rank_earlier_stories,
    rank_stories,
)
from services.clusterer.core.recentring import recentre_if_due
from services.clusterer.core.related_stories import find_related_stories
from services.clusterer.core.second_look import run_second_looks
from services.clusterer.core.separation import may_merge
from services.clusterer.core.space import EPOCH, StorySpace, unix_ms, whole_milliseconds
from services.clusterer.core.story import LiveStory

NO_STORY: Final = ""
LOOSE_SHARE_MIN: Final = 0.1
"""The share of an edition's open reports from which a loose story is worth a warning."""
UNDECIDED: Final = Decision(verdict=Verdict.FOUNDED)


class StoryChoice(NamedTuple):
    """The story chosen for an article, why, the report it is a copy of, and the story that came second."""

    story: LiveStory
    decision: Decision
    copy_of: str | None = None
    runner_up: LiveStory | None = None


class Engine:
    """Decides which story each article of one edition belongs to.

    After every event no open story is overdue, every article is in exactly one story, and counts equal memberships.
    """

    def __init__(self, edition: EditionState) -> None:
        self._edition = edition
        self._parameters = edition.parameters

    @property
    def edition(self) -> EditionState:
        """The current stories."""
        return self._edition

    def apply(self, event: VectorEvent, arrived_at: datetime | None = None) -> StoryChanges:
        """Apply an event and return everything it changes.

        `arrived_at` is the timestamp of the event's record. Without one, an article arrives when it is published, or with the
        latest article if that was later, as any other event does.

        An unchanged duplicate of a known article and the retraction of an unknown one change nothing.

        Raises:
            UnusableEvent: the event cannot be used (a vector of another size, hashes out of order, a command that is refused);
                nothing has changed.

        """
        self._edition.changes = StoryChanges()
        if arrived_at is None:
            latest = self._edition.clock.arrived.now
            arrived_at = max(event.published_at, latest) if isinstance(event, ArticleVector) else latest
        self._edition.event_arrived_at = whole_milliseconds(arrived_at)
        if isinstance(event, ArticleVector):
            self._apply_article(event)
        elif isinstance(event, ArticleRetraction):
            self._retract(event.article_id)
        else:
            apply_command(event, self._edition)
        self._release_due()
        self._close_due()
        # A story that has only just closed may be too far back already.
        self._release_due()
        return self._edition.changes

    def story(self, story_id: str) -> Story | None:
        """Return the story as it is to be published; None if it was forgotten."""
        story = self._edition.stories.get(story_id)
        return story_snapshot(story, self._edition.name, self._edition.copies) if story is not None else None

    def _apply_article(self, event: ArticleVector) -> None:
        if self._is_duplicate(event):
            return
        unweighted = decode_features(event, self._edition.calibration.dimension)
        event = self._take_time(event)
        # Look the story up only now: the clock may have closed or forgotten it.
        current = self._edition.story_of(event.article_id)
        if current is None:
            self._add(event, unweighted)
        else:
            self._correct(current, event, unweighted)

    def _is_duplicate(self, event: ArticleVector) -> bool:
        story = self._edition.story_of(event.article_id)
        return story is not None and story.members[event.article_id].digest == event.digest

    def _detect_copy(self, event: ArticleVector, unweighted: UnweightedFeatures) -> CopyDetection:
        return detect_copy(self._edition, event, unweighted.weighted(self._edition.indexes.frequencies))

    # --- decisions

    def _add(self, event: ArticleVector, unweighted: UnweightedFeatures) -> None:
        detection = self._detect_copy(event, unweighted)
        member = _new_member(event, detection, self._edition.next_sequence)
        self._edition.next_sequence += 1
        choice = self._choose_story(member, detection)
        story = choice.story
        kind = UpdateKind.UPDATED if story.members else UpdateKind.CREATED
        member = _with_choice(member, choice)
        self._edition.add_article(story, member, detection.representation)
        self._edition.publish(story, kind, Cause.ARTICLE, article=member, late=not story.is_open)
        if choice.runner_up is not None:
            self._merge_if_close(story, choice.runner_up)
        run_second_looks(self._edition)
        recentre_if_due(self._edition, detection.representation.features.language)
        self._note_if_loose(story)

    def _note_if_loose(self, story: LiveStory) -> None:
        space, reports = self._edition.indexes.space, self._edition.indexes.frequencies.documents
        if (
            story.is_open
            and story.report_count >= LOOSE_SHARE_MIN * reports
            and missing_cohesion(story.slot, space, self._parameters)
        ):
            self._edition.changes.loose_story_id = story.id

    def _choose_story(self, member: Membership, detection: CopyDetection) -> StoryChoice:
        """Choose the story that the article fits best; create one if it fits none."""
        if detection.original is not None:
            return self._story_of_original(detection.original)
        scores, bar = self._rank(member, detection)
        if bar is not None and bar.rank < len(scores) and scores[bar.rank].value >= bar.value:
            first, *others = (self._edition.stories[score.story_id] for score in scores[bar.rank : bar.rank + 2])
            decision = self._decision(Verdict.JOINED, scores, bar, detection)
            return StoryChoice(first, decision, runner_up=others[0] if others else None)
        decision = self._decision(Verdict.FOUNDED, scores, bar, detection)
        return StoryChoice(self._found_story(member, detection), decision)

    def _found_story(self, member: Membership, detection: CopyDetection) -> LiveStory:
        """Create a story for the article, related to the closed story that it takes up again, if there is one."""
        edition = self._edition
        if self._is_late(member) and edition.is_beyond_comparable(member.published_at):
            edition.changes.uncompared_article_id = member.article_id
        story = edition.create_story(member)
        # Evidence that keeps two instances of a recurring item apart does not count here: they are related.
        earlier = rank_earlier_stories(*self._compared(member, detection))
        if earlier and earlier[0].value >= joining_bar(earlier, edition.indexes.space, self._parameters).value:
            edition.set_related(story, (earlier[0].story_id,))
        return story

    def _story_of_original(self, original: TextMatch) -> StoryChoice:
        bar, report = self._parameters.copy_jaccard, original.report
        decision = Decision(verdict=Verdict.COPIED, bar=bar, jaccard=original.jaccard, fit=original.fit)
        return StoryChoice(self._edition.stories[report.story_id], decision, copy_of=report.article_id)

    def _rank(self, member: Membership, detection: CopyDetection) -> tuple[list[StoryScore], Bar | None]:
        """Return the scores of the best stories, best first, and the bar for the best one that no evidence speaks against.

        There is no bar without scores. Its rank is the number of scores if evidence speaks against all of them.
        """
        scores = rank_stories(*self._compared(member, detection), with_closed=self._is_late(member))
        bar = None
        for rank, score in enumerate(scores):
            bar = joining_bar(scores, self._edition.indexes.space, self._parameters, rank=rank)
            story = self._edition.stories[score.story_id]
            if score.value < bar.value or not speaks_against(member, story, self._edition):
                return scores, bar
        return scores, bar._replace(rank=len(scores)) if bar is not None else None

    def _compared(
        self, member: Membership, detection: CopyDetection
    ) -> tuple[ExactVector, int, float, StorySpace, Parameters]:
        correction = length_correction(detection.representation.features.words, self._parameters)
        at = unix_ms(member.published_at)
        return detection.representation.vector, at, correction, self._edition.indexes.space, self._parameters

    def _is_late(self, member: Membership) -> bool:
        return self._edition.watermark - member.published_at > self._parameters.late_after

    def _decision(
        self, verdict: Verdict, scores: list[StoryScore], bar: Bar | None, detection: CopyDetection
    ) -> Decision:
        return build_decision(verdict, scores, bar, detection.representation.vector, self._edition.indexes.space)

    def _merge_if_close(self, story: LiveStory, runner_up: LiveStory) -> None:
        """Merge the story that the article has joined with its runner-up, if their affinity reaches the bar."""
        if not may_merge(story, runner_up, self._edition.stories):
            return
        bar = self._parameters.merge_bar
        affinity = story_affinity(story.slot, runner_up.slot, self._edition.indexes.space, self._parameters)
        if affinity >= bar and not keeps_apart(story, runner_up, self._edition):
            survivor, absorbed = sorted((story, runner_up), key=LiveStory.seniority)
            merge = MergeDecision(from_story_id=absorbed.id, affinity=affinity, bar=bar)
            self._edition.merge_stories(survivor, absorbed, merge)

    # --- corrections and retractions

    def _correct(self, current: LiveStory, event: ArticleVector, unweighted: UnweightedFeatures) -> None:
        is_another, has_title = self._is_another(current, event), current.title_article_id == event.article_id
        detached = self._edition.detach_article(event.article_id)
        detection = self._detect_copy(event, unweighted)
        member = _new_member(event, detection, detached.sequence, placed_by=detached.placed_by)
        choice = (
            self._choose_story(member, detection)
            if is_another
            else self._choose_story_again(current, member, detection)
        )
        story = choice.story
        is_new = not story.members and story is not current
        member = _with_choice(member, choice)
        self._edition.add_article(story, member, detection.representation)
        if story is current:
            if has_title and not current.is_comparable:
                self._edition.set_title(current, member)
            self._edition.publish(current, UpdateKind.UPDATED, Cause.CORRECTION, article=member)
            return
        self._edition.publish(current, UpdateKind.MOVED, Cause.CORRECTION, article=member)
        kind = UpdateKind.CREATED if is_new else UpdateKind.MOVED
        self._edition.publish(story, kind, Cause.CORRECTION, article=member)

    def _choose_story_again(self, current: LiveStory, member: Membership, detection: CopyDetection) -> StoryChoice:
        """Keep a corrected article where it is if it fits there or a command has put it there; else choose anew."""
        if not (current.members and current.is_comparable):
            return StoryChoice(current, Decision(verdict=Verdict.KEPT))
        if member.placed_by is not None or current.pinned is not None:
            verdict = Verdict.KEPT if member.placed_by is None else Verdict.COMMANDED
            return self._keep(current, verdict, detection)
        if detection.original is None:
            scores, bar = self._rank(member, detection)
            own = next((score for score in scores if score.story_id == current.id), None)
            if bar is not None and own is not None and own.value >= bar.value and self._may_stay(member, current):
                return StoryChoice(current, self._decision(Verdict.KEPT, scores, bar, detection))
        choice = self._choose_story(member, detection)
        # One by one, corrections could otherwise bring together what a command keeps apart.
        return choice if choice.story.id not in current.kept_apart else self._keep(current, Verdict.KEPT, detection)

    def _may_stay(self, member: Membership, current: LiveStory) -> bool:
        return not speaks_against(member, current, self._edition)

    def _keep(self, current: LiveStory, verdict: Verdict, detection: CopyDetection) -> StoryChoice:
        original = find_original(current, self._edition, detection.representation)
        return StoryChoice(current, Decision(verdict=verdict), copy_of=original)

    def _is_another(self, current: LiveStory, event: ArticleVector) -> bool:
        """Return whether the version is of another time than its closed story: the page reports another event now."""
        if current.is_open or current.pinned is not None or current.members[event.article_id].placed_by is not None:
            return False
        return not current.is_within(self._parameters.window, event.published_at)

    def _retract(self, article_id: str) -> None:
        story = self._edition.story_of(article_id)
        if story is None:
            return
        member = self._edition.remove_article(article_id)
        kind = UpdateKind.UPDATED
        if not story.members and story.is_open:
            self._edition.close_story(story)
            kind = UpdateKind.CLOSED
        self._edition.publish(story, kind, Cause.RETRACTION, article=member)

    # --- time

    def _take_time(self, event: ArticleVector) -> ArticleVector:
        """Move the clocks with an article, do what is due, and return the article with its publication time."""
        edition, window, every = self._edition, self._parameters.window, self._parameters.related_every
        before, arrived_at, arrived_before = edition.watermark, edition.event_arrived_at, edition.clock.arrived.now
        moment = edition.clock.take(event.published_at, arrived_at, is_dated=event.dated, window=window)
        if edition.watermark < before or edition.clock.arrived.now < arrived_before:
            edition.changes.clock_set_back_from = max(before, arrived_before)
        if edition.watermark > before:
            self._close_due()
        self._forget_due()
        if edition.watermark > before:
            run_second_looks(edition)
            if (edition.watermark - EPOCH) // every != (before - EPOCH) // every:
                self._update_related()
        return event if moment == event.published_at else msgspec.structs.replace(event, published_at=moment)

    def _close_due(self) -> None:
        while (due := self._edition.schedule.close.pop_due(self._edition.watermark)) is not None:
            moment, story_id = due
            story = self._edition.stories[story_id]
            self._edition.close_story(story)
            self._edition.publish(story, UpdateKind.CLOSED, Cause.SILENCE, at=moment)

    def _release_due(self) -> None:
        while (due := self._edition.schedule.release.pop_due(self._edition.next_sequence)) is not None:
            self._edition.outgrow_story(self._edition.stories[due[1]])

    def _forget_due(self) -> None:
        while (due := self._edition.schedule.forget.pop_due(self._edition.clock.arrived.now)) is not None:
            self._edition.forget_story(self._edition.stories[due[1]])

    def _update_related(self) -> None:
        found = find_related_stories(self._edition.open_stories(), self._edition.indexes.space)
        for story_id, cluster in sorted(found.items()):
            story = self._edition.stories[story_id]
            related = tuple(dict.fromkeys((*self._edition.earlier_related(story), *cluster)))[:RELATED_MAX]
            if story.related != related:
                self._edition.set_related(story, related)
                self._edition.publish(story, UpdateKind.UPDATED, Cause.RELATED)


def _new_member(
    event: ArticleVector, detection: CopyDetection, sequence: int, *, placed_by: CommandRef | None = None
) -> Membership:
    """Return the article's membership as it is before a story is chosen."""
    features = detection.representation.features
    return Membership(
        article_id=event.article_id,
        edition=event.edition,
        story_id=NO_STORY,
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
        boilerplate_of=detection.boilerplate_of,
        placed_by=placed_by,
        stems=event.stems,
        stem_marks=features.evidence.marks.tobytes(),
    )


def _with_choice(member: Membership, choice: StoryChoice) -> Membership:
    return msgspec.structs.replace(member, story_id=choice.story.id, decision=choice.decision, copy_of=choice.copy_of)
