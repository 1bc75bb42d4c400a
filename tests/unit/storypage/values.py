"""Values that a read model has: ids of stories in each state, of articles, editions and outlets."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from services.storypage.read_model.file import ModelFile


@dataclass(frozen=True)
class Known:
    """Ids for requests. A merged and a forgotten story are among `story_ids`."""

    open_story: str
    merged_story: str
    forgotten_story: str
    article_id: str
    texts: dict[str, list[str]]
    """Parameter of the API -> values for which the page has something to give."""
    opaque: dict[str, list[str]]
    """Parameter whose values only the page makes -> right values of it."""


def known_values(file: ModelFile) -> Known:
    """Return values of the read model."""

    def column(query: str) -> list[str]:
        return [str(value) for (value,) in sql.execute(query)]

    def facet(name: str) -> list[str]:
        return column(f"SELECT DISTINCT value FROM story_facets WHERE facet = '{name}'")  # noqa: S608 - a constant

    with closing(file.reader()) as sql:
        opened = column("SELECT id FROM stories WHERE state = 'open' AND edition = 'main' ORDER BY article_count DESC")
        merged = column("SELECT id FROM stories WHERE state = 'merged'")
        forgotten = column("SELECT DISTINCT story_id FROM updates WHERE story_id NOT IN (SELECT id FROM stories)")
        articles = column("SELECT article_id FROM memberships WHERE edition = 'main'")
        texts = {
            "story_id": [*opened, *merged, *forgotten],
            "version": ["1", "2"],
            "id": articles,
            "edition": facet("edition"),
            "outlet": facet("outlet"),
            "language": facet("language"),
        }
    opaque = {"cursor": [""], "changed_after": ["", "0-5"], "after": ["", "0-5"]}
    return Known(opened[0], merged[0], forgotten[0], articles[0], texts, opaque)
