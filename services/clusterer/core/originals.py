"""Whose text an article repeats."""

from __future__ import annotations

from newsloom.contracts.membership import Membership
from services.clusterer.core.edition import Compared, Edition
from services.clusterer.core.story import LiveStory


def originals(edition: Edition, compared: Compared) -> list[tuple[float, Membership]]:
    """The reports whose text this article repeats, with their Jaccard index: the nearest first, of those the earliest."""
    found = []
    for index, article_id in edition.copies.originals(compared.features.shingles, compared.bands):
        found.append((index, edition.stories[edition.articles[article_id]].members[article_id]))
    return sorted(found, key=lambda pair: (-pair[0], pair[1].sequence))


def original_within(story: LiveStory, edition: Edition, compared: Compared) -> str | None:
    """The report of this story whose text the article repeats."""
    inside = (report.article_id for _, report in originals(edition, compared) if report.story_id == story.id)
    return next(inside, None)
