"""What an operator may want to look at: stories that should perhaps be one, and stories that should perhaps be two.

HDBSCAN over the reports knows nothing of the order in which they came, and so sees what deciding one by one could not. It only
proposes: carried out unseen, its merges and splits make the stories worse (`python -m evaluation.audit` measures it).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from newsloom.contracts.membership import Membership
from services.clusterer.core.affinity import ReportGroup, group_affinity, story_affinity
from services.clusterer.core.density import Matrix, find_clusters
from services.clusterer.core.edition import EditionState
from services.clusterer.core.features import combined_vector, stored_features
from services.clusterer.core.fixed_point import SCALE
from services.clusterer.core.separation import may_merge
from services.clusterer.core.space import MILLISECOND, unix_ms
from services.clusterer.core.story import LiveStory

REPORTS_MIN: Final = 5
"""Below this, densities say nothing."""
REPORTS_MAX: Final = 4_000
"""Bounds the time and memory (128 MB a matrix) of one audit, which grow with the square."""
QUORUM: Final = 0.5
"""What share of a story's reports must agree, unless somebody asks for another."""
DISTANCE_MIN: Final = 0.1
"""Two reports nearer than this say the same. Density is 1 / distance, and two equal texts would outweigh a whole story."""
NOISE: Final = -1


class ProposalStory(msgspec.Struct, frozen=True, kw_only=True):
    """A story, and how many of its reports speak for the proposal."""

    story_id: str
    title: str
    article_count: int
    report_count: int
    agreeing: int


class MergeProposal(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="merge"):
    """Two stories most of whose reports lie in one cluster.

    `quorum` is the share of the reports that do, of the story where it is lower. `affinity` is the core's own, which it
    compares with `bar` when it merges by itself, `similarity` the mean over pairs across. `strength` is `quorum` x `affinity` /
    `bar`.
    """

    edition: str
    strength: float
    quorum: float
    affinity: float
    bar: float
    similarity: float
    survivor: ProposalStory
    absorbed: ProposalStory


class SplitProposal(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="split"):
    """Articles that lie in another cluster than the largest group of their story's reports.

    `quorum` is the share of the story's reports that lie in a cluster of two or more of them. `affinity` is that of the
    articles with the rest of the story, always below the bar for merges, `similarity` their mean similarity to the rest, and
    `cohesion` among themselves. `articles` names reports and their copies. `strength` is `quorum` x (1 - `affinity` / `bar`).
    """

    edition: str
    strength: float
    quorum: float
    affinity: float
    bar: float
    similarity: float
    cohesion: float
    story: ProposalStory
    title: str
    articles: tuple[str, ...]


Proposal = MergeProposal | SplitProposal


def audit_edition(edition: EditionState, *, quorum: float = QUORUM) -> list[Proposal]:
    """The merges and splits that at least `quorum` (0 to 1) of each story's reports speak for, strongest first.

    Looks at the open stories with the latest articles, as many as have `REPORTS_MAX` reports together. Changes nothing; the
    order in which stories and articles came makes no difference.
    """
    view = _view(edition)
    if len(view.reports) < REPORTS_MIN:
        return []
    found: list[Proposal] = [*_merges(view, edition), *_splits(view, edition)]
    return sorted((proposal for proposal in found if proposal.quorum >= quorum), key=_order)


def _order(proposal: Proposal) -> tuple[float, str, str]:
    if isinstance(proposal, MergeProposal):
        return -proposal.strength, proposal.survivor.story_id, proposal.absorbed.story_id
    return -proposal.strength, proposal.story.story_id, proposal.articles[0]


@dataclass(frozen=True, slots=True)
class _View:
    """The reports under audit, their cluster by place, their similarities, and their places by story."""

    reports: Sequence[Membership]
    labels: Sequence[int]
    similarities: Matrix
    times: Sequence[int]
    stories: dict[str, list[int]]


def _view(edition: EditionState) -> _View:
    reports = sorted(_latest_reports(edition), key=lambda report: report.sequence)
    stories: dict[str, list[int]] = {}
    for place, report in enumerate(reports):
        stories.setdefault(report.story_id, []).append(place)
    times = [unix_ms(report.published_at) for report in reports]
    if len(reports) < REPORTS_MIN:
        return _View(reports, [], np.zeros((0, 0)), times, stories)
    parameters, calibration = edition.parameters, edition.calibration
    vectors = (
        np.array([combined_vector(stored_features(report), parameters, calibration) for report in reports]) / SCALE
    )
    similarities = vectors @ vectors.T
    lengths = np.sqrt(np.diag(similarities))
    apart = np.abs(np.subtract.outer(times, times)) / (parameters.decay / MILLISECOND)
    # Time counts as it does in scores, and text lengths do not: they are in the vectors' lengths alone.
    distances = np.maximum(1 - similarities / np.outer(lengths, lengths) * np.exp(-apart), DISTANCE_MIN)
    np.fill_diagonal(distances, 0)
    # The excess of mass: leaves would take every large story to pieces.
    return _View(reports, find_clusters(distances, choose="eom"), similarities, times, stories)


def _latest_reports(edition: EditionState) -> Iterator[Membership]:
    room = REPORTS_MAX
    for story in sorted(edition.open_stories(), key=lambda story: (story.last_published_at, story.id), reverse=True):
        # One that is too large for what is left must not hide the smaller ones behind it.
        if story.report_count <= room:
            room -= story.report_count
            yield from story.reports()


# --- merges


def _merges(view: _View, edition: EditionState) -> Iterator[MergeProposal]:
    """In each cluster that several stories have their largest group in, each with the senior one of them."""
    housed: dict[int, list[tuple[LiveStory, int]]] = {}
    for story_id, places in view.stories.items():
        label, size = _groups(view, places)[0]
        if label != NOISE:
            housed.setdefault(label, []).append((edition.stories[story_id], size))
    for inside in housed.values():
        senior, *others = sorted(inside, key=lambda one: one[0].seniority())
        for other in others:
            if may_merge(senior[0], other[0], edition.stories):
                yield _merge(edition, senior, other)


def _groups(view: _View, places: Sequence[int]) -> list[tuple[int, int]]:
    """The clusters these reports lie in and how many of them do, largest first, the earliest first on a tie; noise last."""
    sizes = Counter(view.labels[place] for place in places)
    # Counters keep the order of arrival, and sorting keeps it on a tie.
    return sorted(sizes.items(), key=lambda one: (one[0] == NOISE, -one[1]))


def _merge(edition: EditionState, senior: tuple[LiveStory, int], other: tuple[LiveStory, int]) -> MergeProposal:
    quorum = min(agreeing / story.report_count for story, agreeing in (senior, other))
    slots = senior[0].slot, other[0].slot
    kinship = story_affinity(*slots, edition.indexes.space, edition.parameters)
    bar = edition.parameters.merge_bar
    return MergeProposal(
        edition=edition.name,
        strength=quorum * kinship / bar,
        quorum=quorum,
        affinity=kinship,
        bar=bar,
        similarity=edition.indexes.space.cross_mean(*slots),
        survivor=_side(*senior),
        absorbed=_side(*other),
    )


# --- splits


def _splits(view: _View, edition: EditionState) -> Iterator[SplitProposal]:
    """In each story every group of two reports or more but the largest, if the core itself would not put it there."""
    for story_id, places in view.stories.items():
        story = edition.stories[story_id]
        groups = [group for group in _groups(view, places) if group[0] != NOISE and group[1] > 1]
        if len(groups) > 1 and _may_be_split(story):
            quorum = sum(size for _, size in groups) / len(places)
            proposals = (_split(view, edition, story, label=label, quorum=quorum) for label, _ in groups[1:])
            yield from (proposal for proposal in proposals if proposal.affinity < proposal.bar)


def _split(view: _View, edition: EditionState, story: LiveStory, *, label: int, quorum: float) -> SplitProposal:
    group = [place for place in view.stories[story.id] if view.labels[place] == label]
    rest = [place for place in view.stories[story.id] if view.labels[place] != label]
    similarity = float(np.mean(view.similarities[np.ix_(group, rest)]))
    one, other = _as_group(view, group), _as_group(view, rest)
    kinship = group_affinity(one, other, similarity, edition.parameters)
    bar = edition.parameters.merge_bar
    reports = [view.reports[place] for place in group]
    copies = [copy.article_id for report in reports for copy in story.copies_of(report.article_id)]
    return SplitProposal(
        edition=edition.name,
        strength=quorum * (1 - kinship / bar),
        quorum=quorum,
        affinity=kinship,
        bar=bar,
        similarity=similarity,
        cohesion=one.pair_sum / math.comb(one.reports, 2),
        story=_side(story, len(rest)),
        title=reports[0].title,
        articles=(*(report.article_id for report in reports), *copies),
    )


def _as_group(view: _View, places: list[int]) -> ReportGroup:
    inner = view.similarities[np.ix_(places, places)]
    pair_sum = float(np.sum(inner) - np.trace(inner)) / 2
    return ReportGroup(len(places), pair_sum, sum(view.times[place] for place in places) / len(places))


def _may_be_split(story: LiveStory) -> bool:
    """Whether no operator has said what belongs to this story."""
    return story.pinned is None and all(member.placed_by is None for member in story.members.values())


def _side(story: LiveStory, agreeing: int) -> ProposalStory:
    return ProposalStory(
        story_id=story.id,
        title=story.title,
        article_count=story.article_count,
        report_count=story.report_count,
        agreeing=agreeing,
    )
