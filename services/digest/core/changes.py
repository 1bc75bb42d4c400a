"""What changed since the last digest of a story."""

from __future__ import annotations

from newsloom.contracts.digest import DigestChanges, StoryDigest
from services.digest.core.composition import DigestContent


def changes_since(last: StoryDigest, content: DigestContent, title: str) -> DigestChanges:
    """Compare the content of a new digest with the last one."""
    before = {(one.article_id, one.text) for one in last.overview}
    now = [(one.article_id, one.text) for one in content.overview]
    return DigestChanges(
        version=last.version,
        at=last.at,
        reports=last.reports,
        title=last.title if last.title != title else None,
        added=tuple(index for index, key in enumerate(now) if key not in before),
        removed=len(before.difference(now)),
    )
