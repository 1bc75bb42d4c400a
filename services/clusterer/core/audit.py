"""Propose merges and splits of stories for an operator to review.

HDBSCAN clusters all reports at once, in no order, and so finds what decisions one by one could not. It only proposes: without
a review, its merges make the stories worse, and its splits no better (`python -m evaluation.audit` measures it).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from newsloom.contracts.membership import Membership
from newsloom.contracts.proposal import MergeProposal, Proposal, ProposalStory, SplitProposal
from services.clusterer.core.affinity import ReportGroup, group_affinity, story_affinity
from services.clusterer.core.density import Matrix, find_clusters
from services.clusterer.core.edition import EditionState
from services.clusterer.core.features import combined_vector, stored_features
from services.clusterer.core.fixed_point import SCALE
from services.clusterer.core.separation import may_merge
from services.clusterer.core.space import MILLISECOND, unix_ms
from services.clusterer.core.story import LiveStory

REPORTS_MIN: Final = 5
"""With fewer reports, densities mean nothing."""
REPORTS_MAX: Final = 4_000
"""Limits the time and memory (128 MB a matrix) of one audit, which grow with the square."""
QUORUM: Final = 0.5
"""Default for the share of a story's reports that must agree with a proposal."""
AFFINITY_SHARE_MIN: Final = 0.5
"""Merges with a lower affinity, as a share of the bar, are not proposed.

Clusters are relative: among few stories, unrelated ones share a cluster because no others are nearer. The audit is to find what
the clusterer's bar is too strict for, so the limit is lower than the bar; of the labelled streams' merges below half of it, few
were right.
"""
DISTANCE_MIN: Final = 0.1
"""Smaller distances are raised to this. Density is 1 / distance, so two equal texts would outweigh a whole story."""
NOISE: Final = -1


def audit_edition(edition: EditionState, *, quorum: float = QUORUM) -> list[Proposal]:
    """Return the merges and splits with which at least `quorum` (0 to 1) of each story's reports agree, strongest first.

    Covers the open stories with the latest articles, up to `REPORTS_MAX` reports. Changes nothing. The order of arrival of
    stories and articles makes no difference.
    """
    clustering = _cluster_reports(edition)
    if len(clustering.reports) < REPORTS_MIN:
        return []
    proposals: list[Proposal] = [*_merges(clustering, edition), *_splits(clustering, edition)]
    return sorted((proposal for proposal in proposals if proposal.quorum >= quorum), key=_order)


def _order(proposal: Proposal) -> tuple[float, str, str]:
    if isinstance(proposal, MergeProposal):
        return -proposal.strength, proposal.survivor.story_id, proposal.absorbed.story_id
    return -proposal.strength, proposal.story.story_id, proposal.articles[0]


@dataclass(frozen=True, slots=True)
class _Clustering:
    """The reports of an audit. Lists and matrix are indexed by report; `stories` has the indices of each story's reports."""

    reports: Sequence[Membership]
    labels: Sequence[int]
    similarities: Matrix
    times: Sequence[int]
    stories: dict[str, list[int]]


def _cluster_reports(edition: EditionState) -> _Clustering:
    reports = sorted(_latest_reports(edition), key=lambda report: report.sequence)
    stories: dict[str, list[int]] = {}
    for index, report in enumerate(reports):
        stories.setdefault(report.story_id, []).append(index)
    times = [unix_ms(report.published_at) for report in reports]
    if len(reports) < REPORTS_MIN:
        return _Clustering(reports, [], np.zeros((0, 0)), times, stories)
    parameters, zero_points = edition.parameters, edition.indexes.zero_points
    vectors = (
        np.array([combined_vector(stored_features(report), parameters, zero_points) for report in reports]) / SCALE
    )
    similarities = vectors @ vectors.T
    lengths = np.sqrt(np.diag(similarities))
    gaps = np.abs(np.subtract.outer(times, times)) / (parameters.decay / MILLISECOND)
    # Time decay counts as in scores. The length corrections do not: the division cancels them.
    distances = np.maximum(1 - similarities / np.outer(lengths, lengths) * np.exp(-gaps), DISTANCE_MIN)
    np.fill_diagonal(distances, 0)
    # Choose by excess of mass: leaves would split every large story.
    return _Clustering(reports, find_clusters(distances, choose="eom"), similarities, times, stories)


def _latest_reports(edition: EditionState) -> Iterator[Membership]:
    left = REPORTS_MAX
    for story in sorted(edition.open_stories(), key=lambda story: (story.last_published_at, story.id), reverse=True):
        # Skip a story that is too large and go on with smaller ones.
        if story.report_count <= left:
            left -= story.report_count
            yield from story.reports()


# --- merges


def _merges(clustering: _Clustering, edition: EditionState) -> Iterator[MergeProposal]:
    """Propose to merge the stories that have their largest group of reports in the same cluster with the senior one of them.

    Leaves out those whose affinity to the senior one is too far below the bar.
    """
    by_cluster: dict[int, list[tuple[LiveStory, int]]] = {}
    for story_id, indices in clustering.stories.items():
        label, size = _groups(clustering, indices)[0]
        if label != NOISE:
            by_cluster.setdefault(label, []).append((edition.stories[story_id], size))
    for stories in by_cluster.values():
        senior, *others = sorted(stories, key=lambda one: one[0].seniority())
        allowed = (other for other in others if may_merge(senior[0], other[0], edition.stories))
        proposals = (_merge(edition, senior, other) for other in allowed)
        yield from (one for one in proposals if one.affinity >= AFFINITY_SHARE_MIN * one.bar)


def _groups(clustering: _Clustering, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return the clusters of these reports with their sizes, the largest first, the earliest first on a tie, noise last."""
    sizes = Counter(clustering.labels[index] for index in indices)
    # A counter keeps the order of arrival, and sorting is stable.
    return sorted(sizes.items(), key=lambda one: (one[0] == NOISE, -one[1]))


def _merge(edition: EditionState, senior: tuple[LiveStory, int], other: tuple[LiveStory, int]) -> MergeProposal:
    quorum = min(agreeing / story.report_count for story, agreeing in (senior, other))
    slots = senior[0].slot, other[0].slot
    affinity = story_affinity(*slots, edition.indexes.space, edition.parameters)
    bar = edition.parameters.merge_bar
    return MergeProposal(
        edition=edition.name,
        strength=quorum * affinity / bar,
        quorum=quorum,
        affinity=affinity,
        bar=bar,
        similarity=edition.indexes.space.cross_mean(*slots),
        survivor=_proposal_story(*senior),
        absorbed=_proposal_story(*other),
    )


# --- splits


def _splits(clustering: _Clustering, edition: EditionState) -> Iterator[SplitProposal]:
    """Propose to split off every group of two reports or more but the largest, if its affinity to the rest is below the bar."""
    for story_id, indices in clustering.stories.items():
        story = edition.stories[story_id]
        groups = [group for group in _groups(clustering, indices) if group[0] != NOISE and group[1] > 1]
        if len(groups) > 1 and _may_be_split(story):
            quorum = sum(size for _, size in groups) / len(indices)
            proposals = (_split(clustering, edition, story, label=label, quorum=quorum) for label, _ in groups[1:])
            yield from (proposal for proposal in proposals if proposal.affinity < proposal.bar)


def _split(
    clustering: _Clustering, edition: EditionState, story: LiveStory, *, label: int, quorum: float
) -> SplitProposal:
    group = [index for index in clustering.stories[story.id] if clustering.labels[index] == label]
    rest = [index for index in clustering.stories[story.id] if clustering.labels[index] != label]
    similarity = float(np.mean(clustering.similarities[np.ix_(group, rest)]))
    one, other = _as_group(clustering, group), _as_group(clustering, rest)
    affinity = group_affinity(one, other, similarity, edition.parameters)
    bar = edition.parameters.merge_bar
    reports = [clustering.reports[index] for index in group]
    copies = [article_id for report in reports for article_id in edition.copies.copies(report)]
    return SplitProposal(
        edition=edition.name,
        strength=quorum * (1 - affinity / bar),
        quorum=quorum,
        affinity=affinity,
        bar=bar,
        similarity=similarity,
        cohesion=one.pair_sum / math.comb(one.reports, 2),
        story=_proposal_story(story, len(rest)),
        title=reports[0].title,
        articles=(*(report.article_id for report in reports), *copies),
    )


def _as_group(clustering: _Clustering, indices: list[int]) -> ReportGroup:
    inner = clustering.similarities[np.ix_(indices, indices)]
    pair_sum = float(np.sum(inner) - np.trace(inner)) / 2
    return ReportGroup(len(indices), pair_sum, sum(clustering.times[index] for index in indices) / len(indices))


def _may_be_split(story: LiveStory) -> bool:
    """Return whether no command has pinned this story or placed any of its articles."""
    return story.pinned is None and all(member.placed_by is None for member in story.members.values())


def _proposal_story(story: LiveStory, agreeing: int) -> ProposalStory:
    return ProposalStory(
        story_id=story.id,
        title=story.title,
        article_count=story.article_count,
        report_count=story.report_count,
        agreeing=agreeing,
    )
