"""Values that a read model has: ids of stories in each state, of articles, editions and outlets."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from services.storypage.read_model.file import ModelFile


@dataclass(frozen=True)
class Known:
    """Ids for requests. A merged and a forgotten story are among them."""

    open_story: str
    merged_story: str
    forgotten_story: str
    article_id: str
    all: list[str]
    story_ids: list[str]


def known_values(file: ModelFile) -> Known:
    """Return values of the read model."""

    def column(query: str) -> list[str]:
        return [str(value) for (value,) in sql.execute(query)]

    with closing(file.reader()) as sql:
        opened = column("SELECT id FROM stories WHERE state = 'open' AND edition = 'main' ORDER BY article_count DESC")
        merged = column("SELECT id FROM stories WHERE state = 'merged'")
        forgotten = column("SELECT DISTINCT story_id FROM updates WHERE story_id NOT IN (SELECT id FROM stories)")
        articles = column("SELECT article_id FROM memberships WHERE edition = 'main'")
        facets = column("SELECT DISTINCT value FROM story_facets")
    story_ids = [*opened, *merged, *forgotten, "st-unknown"]
    return Known(
        opened[0], merged[0], forgotten[0], articles[0], [*story_ids, *articles, *facets, "0-5", "1"], story_ids
    )
