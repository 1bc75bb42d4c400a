"""Preparation keeps the text of the article and removes the rest of the scraped page."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsloom.contracts.article import Article
from services.embedder.markup import clean_lines
from services.embedder.preparation import LEAD_WORDS, PreparedText, clean_body, prepare

BODY = (
    "Divers found the ferry's bell on Tuesday in forty metres of water.\n"
    "The harbour authority said the wreck would be marked before the herring season."
)


def article(title: str = "", text: str = "", **fields: str) -> Article:
    return Article(id="a", title=title, text=text, **fields)  # type: ignore[arg-type]


def body(text: str, **fields: str) -> list[str]:
    return clean_body(text, titles=(), author=fields.get("author"), outlet=fields.get("outlet"))


@pytest.mark.parametrize(
    "line",
    [
        "Advertisement",
        "ADVERTISEMENT:",
        "Story continues below advertisement",
        "Sign up for our newsletter",
        "Sign up here to get the morning briefing in your inbox every day.",
        "Subscribe to our channel for more updates",
        "Get the week's harbour news delivered to your inbox",
        "Read more:",
        "Read more: Ferry company denies skipping inspections",
        "READ MORE \u00bb",
        "Related: How the lighthouse was saved",
        "Click here to see the tide tables.",
        "CLICK HERE",
        "Share this article",
        "Share this story on Facebook",
        "Follow us on Instagram and X",
        "Follow Ada Quill on Twitter: @adaquill",
        "Don\u2019t miss a thing: subscribe to our newsletter",
        "We and our partners use cookies to improve your visit.",
        "By continuing to browse this site you agree to our use of cookies.",
        "Photo: Ada Quill / Harbor Ledger",
        "Image credit: Ada Quill",
        "The bell after it was raised. (Ada Quill/AFP)",
        "Table of Contents",
        "Comments",
        "12 comments",
        "3 min read",
        "\u00a9 2031 Harbor Ledger. All rights reserved.",
        "By Ada Quill",
        "By Ada Quill, Harbor Ledger",
        "Ben Oar contributed to this report.",
        "(Reporting by Ada Quill in Port Selden; Editing by Ben Oar)",
        "Updated: 3 May 2031, 10:14",
        "* * *",
    ],
)
def test_clutter_is_removed(line: str) -> None:
    lines = BODY.splitlines()
    assert body(f"{line}\n{lines[0]}\n{line} \n{lines[1]}\n{line}") == lines


@pytest.mark.parametrize(
    "line",
    [
        "Sign up sheets for the rescue were full by noon, the mayor said.",
        "Read more slowly, the teacher told the class, and you will hear the sea.",
        "Follow the money, the prosecutor told the jury in Port Selden.",
        "Share prices of the ferry company fell by a fifth on Wednesday.",
        "Comments by the minister angered the islanders.",
        "Published reports put the number of missing at 13.",
        "Photographs of the wreck were shown to the court.",
        "By Friday the oil had reached the northern beaches.",
        "Written by a dockworker, the play has run for 30 years.",
        "\u201cClick here,\u201d the message said, and 400 pensioners did.",
        "Cookies were recalled after glass was found in two packets.",
        "The newsletter of the parish reported the fire first.",
    ],
)
def test_sentences_are_kept(line: str) -> None:
    text = f"{BODY}\n{line}"
    assert body(text) == text.splitlines()


def test_repeated_lines_are_kept_once() -> None:
    first, second = BODY.splitlines()
    assert body(f"{first}\n{second}\n{first.upper()}\n\n  {second}  \n{first}") == [first, second]


def test_the_title_is_removed_from_the_text() -> None:
    prepared = prepare(
        article("Bell found - Harbor Ledger", f"Bell found\n{BODY}\nBell found - Harbor Ledger", outlet="Harbor Ledger")
    )
    body = " ".join(BODY.split())
    assert prepared == PreparedText("Bell found", body, body, len(BODY.split()))


def test_a_sentence_is_kept_if_the_whole_text_looks_like_clutter() -> None:
    line = "Sign up today for the rescue service's newsletter, the mayor urged."
    assert body(line) == [line]
    assert body("Advertisement\nRead more") == []


@pytest.mark.parametrize(
    ("fields", "removed"),
    [
        ({"author": "Ada Quill"}, True),
        ({"author": "Ada Quill and Ben Oar"}, True),
        ({"outlet": "Harbor Ledger"}, True),
        ({}, False),
        ({"author": "Ben Oar", "outlet": "The Plainsman"}, False),
    ],
)
def test_an_author_bio_is_removed_only_with_a_second_sign(fields: dict[str, str], removed: bool) -> None:
    bio = "Ada Quill covers shipping and fisheries for the Harbor Ledger."
    assert (bio not in body(f"{BODY}\n{bio}", **fields)) is removed
    assert bio in body(f"{BODY.splitlines()[0]}\n{bio}\n{BODY.splitlines()[1]}", **fields)


def test_a_contact_is_a_second_sign() -> None:
    assert body(f"{BODY}\nAda Quill is a staff writer. Follow her for more.") == BODY.splitlines()


def test_markup_is_removed() -> None:
    text = "<p>Fish &amp; chips<br/>rose&nbsp;by 5&#37;</p>\u200b<b>again</b> \ufeff&amp;lt;now&amp;gt;\x07"
    assert clean_lines(text) == ["Fish & chips", "rose by 5%", "again <now>"]


def test_text_that_only_looks_like_markup_is_kept() -> None:
    text = "R&D at AT&T: a < b > c; <name withheld> &unknown; &notes; x?a=1&copy=2"
    assert clean_lines(text) == [text]


def test_text_is_normalized_to_nfc() -> None:
    assert clean_lines("Cafe\u0301") == ["Caf\u00e9"]


def test_a_run_of_combining_marks_is_truncated() -> None:
    # To normalize this without a limit takes minutes, and one article must not stop a service.
    (line,) = clean_lines("e" + "\u0301" * 150_000 + "\u0316" * 149_999)
    assert len(line) <= 31


def test_the_lead_is_truncated_and_all_words_are_counted() -> None:
    prepared = prepare(article("T", " ".join(f"w{number}" for number in range(300))))
    assert prepared.words == 300
    assert prepared.lead.split() == [f"w{number}" for number in range(LEAD_WORDS)]


def test_a_text_without_spaces_has_a_bounded_lead() -> None:
    assert len(prepare(article("T", "\u6f01" * 10_000)).lead) == 2_400


@pytest.mark.parametrize(
    ("title", "text", "passage"),
    [
        ("Bell found", "", "Bell found"),
        ("", "A bell.", "A bell."),
        ("Bell found", "A bell.", "Bell found. A bell."),
        ("Bell found?", "A bell.", "Bell found? A bell."),
        ("", "Advertisement", ""),
    ],
)
def test_the_passage_is_title_and_lead(title: str, text: str, passage: str) -> None:
    assert prepare(article(title, text)).passage == passage


PIECES = st.one_of(
    st.sampled_from(
        ["Advertisement", "Read more:", "A bell was found.", "in forty metres", "By Ada Quill", "Follow her"]
    ),
    st.sampled_from(["Bell found", " - ", " | ", "Harbor Ledger", "News", "Ada Quill covers sea for us"]),
    st.sampled_from(["&amp;", "&lt;b&gt;", "<p>", "</p>", "&#x344;", "amp;", "&lt", ";", "&", "\u037e", "e", "\u0301"]),
    st.sampled_from([" ", "\n", "\n\n", "\u2028", "\x00", "\u200b", "\u2019"]),
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join))


@given(title=TEXTS, text=TEXTS)
def test_preparation_is_idempotent(title: str, text: str) -> None:
    known = {"outlet": "Harbor Ledger", "author": "Ada Quill"}
    first = prepare(article(title, text, **known))
    lines = clean_body(text, titles=(first.title, " ".join(clean_lines(title))), **known)
    again = prepare(article(first.title, "\n".join(lines), **known))
    assert again == first


@given(text=TEXTS)
def test_a_text_never_grows(text: str) -> None:
    assert len("\n".join(body(text))) <= len(unicodedata.normalize("NFC", text))


@given(text=TEXTS)
def test_a_text_with_a_sentence_is_never_empty(text: str) -> None:
    assert body(f"{text}\n\nA bell was found in the harbour.")
