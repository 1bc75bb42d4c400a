"""Articles of a feed: ids that stay the same, dates, and fields within the contract's limits."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.article import Leaning
from services.feeds.article_rows import article_rows
from services.feeds.canonical_url import canonical_url, display_url, without_tracking
from services.feeds.feed_document import read_document
from services.feeds.feed_entry import FeedDocument, FeedEntry
from services.feeds.feed_list import Feed
from services.ingest.article_parser import InvalidLine, ParseOptions, parse_line

URL = "https://feeds.post.example/rss"
ATOM = b"""<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de" xml:base="https://post.example/news/">
  <title>Post</title>
  <entry>
    <id>tag:post.example,2026:1</id><title type="html">Storm &amp;amp; flood</title><link href="1.html?utm_source=atom"/>
    <published>2026-11-10T08:00:00+01:00</published><updated>2026-11-11T08:00:00Z</updated>
    <author><name>Jane</name></author><summary>Short.</summary>
    <content type="html">&lt;p&gt;A longer &lt;script&gt;text&lt;/script&gt;.&lt;/p&gt;</content>
  </entry>
</feed>"""
JSON_FEED = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "Post", "language": "en", "items": [
  {"id": 7, "url": "/a/7", "title": "Storm", "content_html": "<p>Text.</p>", "date_published": "2026-11-10T08:00:00Z",
   "authors": [{"name": "Jane"}, {"name": "Joe"}]}]}"""


def rows_of(body: bytes, feed: Feed | None = None, *, timezone: str = "UTC") -> list[dict[str, Any]]:
    document = read_document(body, content_type="", url=URL)
    return list(article_rows(document, feed or Feed(url=URL), url=URL, timezone=timezone))


def ids_of(*entries: FeedEntry) -> list[str | None]:
    return [row["id"] for row in article_rows(FeedDocument(entries=entries), Feed(url=URL), url=URL, timezone="UTC")]


def test_an_atom_entry() -> None:
    feed = Feed(url=URL, outlet="Post", leaning=Leaning.LEFT, edition="de")
    assert rows_of(ATOM, feed) == [
        {
            "id": "tag:post.example,2026:1",
            "title": "Storm &amp; flood",
            "text": "<p>A longer <script>text</script>.</p>",
            "published_at": "2026-11-10T07:00:00+00:00",
            "url": "https://post.example/news/1.html",
            "outlet": "Post",
            "author": "Jane",
            "language": "de",
            "leaning": "left",
            "edition": "de",
        }
    ]


def test_a_json_feed_item() -> None:
    row, *others = rows_of(JSON_FEED)
    assert others == []
    assert (row["id"], row["url"]) == ("feeds.post.example:7", "https://feeds.post.example/a/7")
    assert (row["author"], row["text"], row["outlet"]) == ("Jane, Joe", "<p>Text.</p>", "feeds.post.example")


@pytest.mark.parametrize(
    ("written", "timezone", "read"),
    [
        ("Tue, 10 Nov 2026 08:00:00 GMT", "Europe/Berlin", "2026-11-10T08:00:00+00:00"),
        ("Tue, 10 Nov 2026 08:00:00", "Europe/Berlin", "2026-11-10T07:00:00+00:00"),
        ("2026-11-10 08:00", "UTC", "2026-11-10T08:00:00+00:00"),
        ("yesterday", "UTC", None),
        ("", "UTC", None),
    ],
)
def test_dates_are_read_as_in_files_and_an_unreadable_one_loses_no_article(
    written: str, timezone: str, read: str | None
) -> None:
    body = (
        f"<rss version='2.0'><channel><item><guid>1</guid><pubDate>{written}</pubDate></item></channel></rss>".encode()
    )
    [row] = rows_of(body, timezone=timezone)
    assert row["published_at"] == read


def test_a_guid_that_is_no_url_counts_within_its_site() -> None:
    assert ids_of(FeedEntry(guid="7", link="https://www.post.example/a")) == ["www.post.example:7"]
    assert ids_of(FeedEntry(guid="7")) == ["feeds.post.example:7"]
    assert ids_of(FeedEntry(guid="urn:uuid:7", link="https://post.example/a")) == ["urn:uuid:7"]


def test_without_a_guid_the_link_identifies_and_without_both_nothing_does() -> None:
    assert ids_of(FeedEntry(link="http://Post.example:80/a?utm_source=rss&id=3#top")) == ["https://post.example/a?id=3"]
    assert ids_of(FeedEntry(title="A")) == [None]


def test_a_long_id_is_hashed() -> None:
    [found] = ids_of(FeedEntry(guid="https://post.example/" + "ü" * 200))
    assert found is not None
    assert found.startswith("sha256:")
    assert len(found) == 71


def test_entries_are_given_oldest_first() -> None:
    assert ids_of(*(FeedEntry(guid=f"urn:{number}") for number in (3, 2, 1))) == ["urn:1", "urn:2", "urn:3"]


TRACKED = st.lists(
    st.sampled_from(
        ["utm_source=rss", "utm_campaign=x", "fbclid=1", "at_medium=RSS", "at_campaign=rss", "ref=rss", "xtor=1"]
    )
)
URLS = st.builds(
    lambda host, path, query: f"https://{host}.example/{path}{'?' if query else ''}{'&'.join(query)}",
    st.sampled_from(["post", "wire"]),
    st.sampled_from(["", "a", "a/b.html"]),
    st.lists(st.sampled_from(["id=1", "id=2", "page=3"]), unique=True, max_size=2),
)


@given(url=URLS, before=TRACKED, after=TRACKED, fragment=st.sampled_from(["", "#0", "#top"]))
def test_parameters_that_count_readers_change_no_id(
    url: str, before: list[str], after: list[str], fragment: str
) -> None:
    parts = urlsplit(url)
    query = "&".join([*before, *filter(None, [parts.query]), *after])
    decorated = parts._replace(scheme="http", netloc=parts.netloc.upper(), query=query).geturl() + fragment
    assert canonical_url(decorated) == canonical_url(url)
    assert canonical_url(canonical_url(url)) == canonical_url(url)
    assert urlsplit(without_tracking(decorated)).query == parts.query


@given(first=URLS, second=URLS)
def test_two_pages_have_two_ids(first: str, second: str) -> None:
    # An empty path is that of the root.
    assert (canonical_url(first) == canonical_url(second)) == (first == second)


def test_a_password_is_in_no_message_and_no_id() -> None:
    assert display_url("https://jane:secret@post.example/rss?x=1") == "https://post.example/rss?x=1"
    assert canonical_url("https://jane:secret@post.example/a") == "https://post.example/a"


TEXTS = st.text(max_size=400)


@given(
    entry=st.builds(
        FeedEntry, guid=TEXTS, link=TEXTS | st.just("http://["), title=TEXTS, text=TEXTS, published=TEXTS, author=TEXTS
    ),
    language=st.none() | TEXTS,
)
def test_each_entry_with_an_id_and_words_is_an_article(entry: FeedEntry, language: str | None) -> None:
    document = FeedDocument(entries=(entry,), language=language)
    [row] = article_rows(document, Feed(url=URL), url=URL, timezone="UTC")
    if row["id"] is None:
        return
    line = msgspec.json.encode(row)
    if entry.title.strip() or entry.text.strip():
        parse_line(line, ParseOptions())
    else:
        with pytest.raises(InvalidLine, match="title and text are both empty"):
            parse_line(line, ParseOptions())
