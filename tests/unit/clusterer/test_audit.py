from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings

from newsloom.contracts.codec import decode_story, encode
from newsloom.contracts.command import MergeStories, PinStory, SplitStory
from newsloom.contracts.membership import Membership
from newsloom.contracts.proposal import MergeProposal, SplitProposal
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.audit import audit_edition
from services.clusterer.core.clock import EditionClock
from services.clusterer.core.commands import apply_command
from services.clusterer.core.edition import EditionState
from services.clusterer.core.engine import Engine
from services.clusterer.core.features import decode_features
from services.clusterer.core.fixed_point import encode_int16
from services.clusterer.core.restore import restore_edition
from services.clusterer.core.story import LiveStory
from services.clusterer.state import checkpoint_of
from tests.laws.streams import DIMENSION, EDITION, START, Event, article, streams
from tests.laws.test_engine import CALIBRATION, PARAMETERS, fresh_engine, replay
from tests.unit.clusterer.harness import COMMAND_FIELDS


def edition_of(*stories: Sequence[ArticleVector]) -> EditionState:
    """Build an edition with these articles in these stories, whatever the engine would decide."""
    edition = EditionState(EDITION, CALIBRATION, PARAMETERS)
    edition.clock = EditionClock.restored(START, None)
    for articles in stories:
        story: LiveStory | None = None
        for event in articles:
            member = membership(event, edition)
            story = story or edition.create_story(member)
            edition.add_article(story, msgspec.structs.replace(member, story_id=story.id))
    return edition


def membership(event: ArticleVector, edition: EditionState) -> Membership:
    """Return the membership that the engine would store for the event."""
    engine = Engine(EditionState(EDITION, CALIBRATION, PARAMETERS))
    engine.apply(event)
    kept = engine.edition.stories[engine.edition.articles[event.article_id]].members[event.article_id]
    weighted = decode_features(event, DIMENSION).weighted(edition.indexes.frequencies)
    edition.next_sequence += 1
    return msgspec.structs.replace(
        kept, sequence=edition.next_sequence - 1, term_weights=encode_int16(weighted.term_weights)
    )


def reports(subject: int, numbers: range) -> list[ArticleVector]:
    return [article(number, subject=subject, wobble=number % 3, hour=number) for number in numbers]


OTHERS = [reports(2, range(20, 23)), reports(3, range(30, 33))]


def ids(edition: EditionState) -> list[str]:
    return list(edition.stories)


def test_a_merge_of_two_stories_about_one_event_into_the_larger_one_is_proposed() -> None:
    edition = edition_of(reports(0, range(2)), reports(0, range(2, 6)), *OTHERS)
    small, large, *_ = ids(edition)
    [proposal] = audit_edition(edition)
    assert isinstance(proposal, MergeProposal)
    assert (proposal.survivor.story_id, proposal.absorbed.story_id) == (large, small)
    assert (proposal.survivor.agreeing, proposal.absorbed.agreeing, proposal.quorum) == (4, 2, 1.0)
    assert proposal.survivor.title == edition.stories[large].title
    assert proposal.similarity > 0.5
    assert proposal.strength == proposal.quorum * proposal.affinity / PARAMETERS.merge_bar


def test_a_split_of_a_story_about_two_events_is_proposed_and_copies_follow_their_original() -> None:
    edition = edition_of([*reports(0, range(4)), *reports(1, range(4, 7))], *OTHERS)
    story = edition.stories[ids(edition)[0]]
    copy = msgspec.structs.replace(membership(article(9, subject=1, hour=5), edition), copy_of="a5", story_id=story.id)
    edition.add_article(story, copy)
    [proposal] = audit_edition(edition)
    assert isinstance(proposal, SplitProposal)
    assert proposal.story.story_id == story.id
    assert proposal.articles == ("a4", "a5", "a6", "a9")
    assert (proposal.quorum, proposal.story.agreeing, proposal.story.report_count) == (1.0, 4, 7)
    assert proposal.title == "Title 4.0"
    assert proposal.similarity < 0.2 < proposal.cohesion
    assert proposal.affinity < proposal.bar == PARAMETERS.merge_bar


def test_no_proposal_for_distinct_stories() -> None:
    assert audit_edition(edition_of(reports(0, range(4)), reports(1, range(4, 8)), *OTHERS)) == []


def test_no_merge_of_unrelated_stories_is_proposed_when_there_are_few() -> None:
    # HDBSCAN puts some of them in one cluster, because each is far from all the others.
    stories = [[article(subject, subject=subject, wobble=1, hour=5 * subject)] for subject in range(8)]
    assert audit_edition(edition_of(*stories), quorum=0.0) == []


def test_proposals_below_the_quorum_are_left_out() -> None:
    stray = reports(4, range(40, 42))
    edition = edition_of([*reports(0, range(2)), *stray[:1]], reports(0, range(2, 6)), *OTHERS)
    [proposal] = audit_edition(edition)
    assert proposal.quorum == 2 / 3
    assert audit_edition(edition, quorum=0.66) == [proposal]
    assert audit_edition(edition, quorum=0.67) == []


def test_no_merge_of_stories_that_a_command_separated_or_pinned_is_proposed() -> None:
    edition = edition_of(reports(0, range(6)), *OTHERS)
    split = SplitStory(story_id=ids(edition)[0], article_ids=("a0", "a1"), **COMMAND_FIELDS)
    apply_command(split, edition)
    assert audit_edition(edition) == []
    edition = edition_of(reports(0, range(2)), reports(0, range(2, 6)), *OTHERS)
    apply_command(PinStory(story_id=ids(edition)[0], **COMMAND_FIELDS), edition)
    assert audit_edition(edition) == []


def test_no_split_of_stories_that_a_command_merged_or_pinned_is_proposed() -> None:
    edition = edition_of(reports(0, range(4)), reports(1, range(4, 7)), *OTHERS)
    one, other, *_ = ids(edition)
    apply_command(MergeStories(story_id=one, other_story_id=other, **COMMAND_FIELDS), edition)
    assert audit_edition(edition) == []
    edition = edition_of([*reports(0, range(4)), *reports(1, range(4, 7))], *OTHERS)
    apply_command(PinStory(story_id=ids(edition)[0], **COMMAND_FIELDS), edition)
    assert audit_edition(edition) == []


def test_few_reports_give_no_proposals() -> None:
    assert audit_edition(edition_of()) == []
    assert audit_edition(edition_of(reports(0, range(2)), reports(0, range(2, 4)))) == []


@given(streams)
@settings(max_examples=60)
def test_an_audit_depends_on_the_state_alone_and_changes_nothing(events: list[Event]) -> None:
    engine = fresh_engine()
    published = replay(engine, events)
    before = {story_id: engine.story(story_id) for story_id in engine.edition.stories}
    found = audit_edition(engine.edition, quorum=0.0)
    assert {story_id: engine.story(story_id) for story_id in engine.edition.stories} == before

    stories = [decode_story(encode(story)) for story in reversed(published.stories.values())]
    members = list(reversed(published.memberships.values()))
    restored = restore_edition(
        checkpoint_of(engine.edition), stories, members, calibration=CALIBRATION, parameters=PARAMETERS
    )
    assert audit_edition(restored, quorum=0.0) == found

    assert [one.strength for one in found] == sorted((one.strength for one in found), reverse=True)
    for proposal in found:
        assert 0.0 < proposal.quorum <= 1.0
        if isinstance(proposal, MergeProposal):
            sides = [engine.edition.stories[side.story_id] for side in (proposal.survivor, proposal.absorbed)]
            assert all(side.is_open for side in sides)
            assert sides[0].seniority() < sides[1].seniority()
            assert proposal.affinity >= 0.5 * proposal.bar > 0
        else:
            members_of = engine.edition.stories[proposal.story.story_id].members
            leaving = set(proposal.articles)
            assert leaving < set(members_of)
            assert len(leaving) == len(proposal.articles)
            # Copies stay with their original.
            assert all(
                (member.copy_of or member.article_id) in leaving for member in map(members_of.get, leaving) if member
            )
            assert all(
                member.copy_of not in leaving for member in members_of.values() if member.article_id not in leaving
            )
