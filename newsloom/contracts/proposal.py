"""The proposals of an audit, as `newsloom audit --format json` prints them."""

from __future__ import annotations

import msgspec


class ProposalStory(msgspec.Struct, frozen=True, kw_only=True):
    """A story, and how many of its reports support the proposal."""

    story_id: str
    title: str
    article_count: int
    report_count: int
    agreeing: int


class MergeProposal(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="merge"):
    """Two stories most of whose reports are in one cluster.

    `quorum` is the share of a story's reports in that cluster, the lower of the two. `affinity` is computed as the clusterer
    computes it before a merge; `bar` is the bar of such merges, and `affinity` at least half of it. `similarity` is the mean over
    all pairs of reports across the two. `strength` is `quorum` x `affinity` / `bar`.
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
    """Articles in another cluster than the largest group of their story's reports.

    `quorum` is the share of the story's reports in a cluster with at least one other report of the story. `affinity` is that
    between the articles and the rest of the story, always below the bar for merges; `similarity` is their mean similarity to
    the rest, `cohesion` that to each other. `articles` lists reports and their copies. `strength` is
    `quorum` x (1 - `affinity` / `bar`).
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
