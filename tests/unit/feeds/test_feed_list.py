"""A list of feeds is read, or the mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsloom.contracts.article import Leaning
from services.feeds.feed_list import Feed, InvalidFeedList, is_feed_list, is_feed_url, load_feeds

LISTED = """
[[feed]]
url = "https://post.example/rss"
outlet = "Evening Post"   # as readers know it
leaning = "left"
edition = "en"
language = "en-GB"

[[feed]]
url = "https://wire.example/atom.xml"
"""


def test_a_list_gives_feeds_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(LISTED)
    assert load_feeds(path) == (
        Feed(
            url="https://post.example/rss", outlet="Evening Post", leaning=Leaning.LEFT, edition="en", language="en-GB"
        ),
        Feed(url="https://wire.example/atom.xml"),
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "write each feed under [[feed]]"),
        ("feed = []", "has 0 feeds: write 1 to 10,000"),
        ("[[feeds]]\nurl = 'https://a.example'", "write each feed under [[feed]]"),
        ("[[feed]]\noutlet = 'Post'", "feed 1: Object missing required field `url`"),
        (LISTED + "leaning = 'far left'", "feed 2: leaning must be left, center or right"),
        (LISTED + "edition = 'EN'", "feed 2: edition must match"),
        (LISTED + "name = 'Post'", "the fields are url, outlet, leaning, edition, language"),
        (LISTED + f"outlet = '{'x' * 300}'", "feed 2: outlet: Expected `str` of length <= 256"),
        ("[[feed]]\nurl = 'post.example/rss'", "feed 1: url 'post.example/rss' is not an http or https URL"),
        ("[[feed]]\nurl = 'https://a.example'\n" * 2, "feed 2: https://a.example is listed twice"),
        ("[[feed]\n", "is not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_feed_and_the_fix(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "feeds.toml"
    path.write_text(text)
    with pytest.raises(InvalidFeedList) as error:
        load_feeds(path)
    assert str(error.value).startswith(str(path))
    assert reason in str(error.value)


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFeedList, match="cannot be read: No such file"):
        load_feeds(tmp_path / "feeds.toml")


def test_urls_and_lists_are_told_from_files() -> None:
    assert [
        is_feed_url(name) for name in ("https://a.example/rss", "HTTP://a.example", "https://", "a.jsonl", "-")
    ] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert (is_feed_list("feeds.toml"), is_feed_list("feeds.jsonl")) == (True, False)
