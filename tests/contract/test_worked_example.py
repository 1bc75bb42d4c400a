"""The worked example of docs/events.md is what the engine publishes."""

from __future__ import annotations

from typing import Final

from newsloom.contracts.command import MergeStories, SplitStory
from newsloom.contracts.story import StoryUpdate
from newsloom.contracts.vector import ArticleRetraction
from tests.laws.streams import EDITION, article
from tests.unit.clusterer.harness import COMMAND_FIELDS, EngineHarness
from tests.unit.clusterer.test_commands import PARAMETERS
from tests.unit.test_docs import EVENTS, table

HEADER: Final = (
    "| `story_id` | `version` | `kind` | `cause` | `state` | `article_count_before`, `article_count` | names |"
)
LINKS: Final = ("merged_into", "merged_from", "split_from", "split_into", "article_ids")


def published() -> list[StoryUpdate]:
    """Three articles on one subject and two on another; a merge, a retraction and a split."""
    engine = EngineHarness(PARAMETERS)
    updates = engine.apply(
        *(article(number, subject=1, hour=number) for number in range(3)),
        *(article(number, subject=2, hour=number) for number in range(3, 5)),
    )
    merge = MergeStories(story_id=engine.story_id(0), other_story_id=engine.story_id(3), **COMMAND_FIELDS)
    updates += engine.apply(merge, ArticleRetraction(article_id="a2", edition=EDITION))
    split = SplitStory(story_id=engine.story_id(0), article_ids=("a3", "a4"), **{**COMMAND_FIELDS, "command_id": "c-2"})
    return updates + engine.apply(split)


def rows(updates: list[StoryUpdate]) -> list[list[str]]:
    ids = dict.fromkeys(update.story_id for update in updates)
    names = dict(zip(ids, "ABC", strict=True))

    def named(update: StoryUpdate) -> str:
        found = {link: getattr(update, link) for link in LINKS if getattr(update, link)}
        texts = {link: value if isinstance(value, str) else ", ".join(value) for link, value in found.items()}
        return "; ".join(
            f"`{link}` {', '.join(names.get(one, one) for one in text.split(', '))}" for link, text in texts.items()
        )

    return [
        [
            names[update.story_id],
            str(update.version),
            f"`{update.kind.value}`",
            f"`{update.cause.value}`",
            f"`{update.state.value}`",
            f"{update.article_count_before}, {update.article_count}",
            named(update),
        ]
        for update in updates
    ]


def test_the_worked_example_is_what_the_engine_publishes() -> None:
    assert table(EVENTS, HEADER) == rows(published())
