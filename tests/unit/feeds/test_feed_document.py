"""A feed that is cut is refused as a whole: its last entry may have lost its end, and would be written like that."""

from __future__ import annotations

import pytest

from services.feeds.feed_document import read_document
from services.feeds.feed_entry import FeedDocument, NotAFeed
from tests.unit.feeds.harness import item, rss

GOOD = rss(item(2), item(1))
END = len(GOOD) - len(b"</rss>")


def read(body: bytes) -> FeedDocument:
    return read_document(body, content_type="application/rss+xml", url="https://post.example/rss")


@pytest.mark.parametrize("length", [END // 2, END - 20, END])
def test_a_cut_document_is_refused_with_one_sentence(length: int) -> None:
    with pytest.raises(NotAFeed, match=r"the document is cut: its end tag is missing. Nothing of it is read"):
        read(GOOD[:length])


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        GOOD.replace(b"<guid", b"&nbsp;<guid"),
        GOOD + b"<!-- served in 3 ms -->",
        GOOD.decode().replace("utf-8", "utf-16").encode("utf-16"),
    ],
    ids=["whole", "damaged", "with a comment behind it", "in UTF-16"],
)
def test_a_document_with_its_end_tag_gives_its_entries(body: bytes) -> None:
    assert len(read(body).entries) == 2
