"""A stream of articles and commands that causes every kind of update."""

from __future__ import annotations

from newsloom.contracts.command import CommandKind
from newsloom.contracts.vector import ArticleRetraction
from tests.laws.command_streams import RandomCommand, StreamItem
from tests.laws.streams import EDITION, article


def random_command(kind: CommandKind, story: int) -> RandomCommand:
    return RandomCommand(kind, story=story, other=1, articles=(0,), any_state=False)


def busy_week() -> list[StreamItem]:
    """Return events that make stories grow, get copies and corrections, and be emptied, merged, split and closed."""
    return [
        article(1, subject=1),
        article(2, subject=2),
        article(3, subject=1, hour=1, text=5),
        article(4, subject=1, hour=2, text=5),
        article(5, subject=1, hour=2),
        article(5, subject=1, hour=2),
        article(6, subject=3, hour=3),
        article(5, subject=3, hour=2, revision=1),
        article(2, subject=2, revision=1),
        article(7, subject=2, hour=4, wobble=1),
        # Two stories of one subject, and an article between them that merges them.
        article(9, subject=13, hour=5),
        article(10, subject=13, hour=5, wobble=3),
        article(11, subject=13, hour=5),
        # Some of these cannot be carried out: they become dead letters.
        *(random_command(CommandKind.SPLIT, story) for story in range(4)),
        *(random_command(kind, 0) for kind in CommandKind),
        ArticleRetraction(article_id="a6", edition=EDITION),
        ArticleRetraction(article_id="a3", edition=EDITION),
        *(article(number, subject=4, hour=24 * 20) for number in (14, 8)),
        article(12, subject=4, hour=24 * 20),
        random_command(CommandKind.SPLIT, 0),
        article(13, subject=4, hour=24 * 20),
    ]
