"""The outlet's name is removed from the end of a title; everything else is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.embedder.titles import strip_outlet


@pytest.mark.parametrize(
    ("title", "outlet", "url"),
    [
        ("Ferry sinks - Harbor Ledger", "Harbor Ledger", None),
        ("Ferry sinks | The Plainsman", "The Plainsman", None),
        ("Ferry sinks | The Plainsman", "Plainsman", None),
        ("Ferry sinks \u2013 Harbor Ledger News", "harborledger.example", None),
        ("Ferry sinks \u2014 The Harbor Ledger", None, "https://www.harbor-ledger.example/a/b"),
        ("Ferry sinks - THE PLAINSMAN", None, "http://news.theplainsman.co.example/"),
        ("Ferry sinks - HLT", "Harbor Ledger Tribune", None),
        ("Ferry sinks - Harbor Ledger Tribune", None, "https://hlt.example/1"),
        ("Ferry sinks - Harbor Ledger | Harbor Ledger", "Harbor Ledger", None),
    ],
)
def test_the_outlets_name_is_removed(title: str, outlet: str | None, url: str | None) -> None:
    assert strip_outlet(title, outlet=outlet, url=url) == "Ferry sinks"


def test_any_short_name_after_a_bar_is_removed() -> None:
    title = "Ferry sinks off Port Selden with forty aboard"
    assert strip_outlet(f"{title} | Channel Nine", outlet=None, url=None) == title


@pytest.mark.parametrize(
    "title",
    [
        "Ferry sinks - forty missing",
        "Ferry sinks \u2013 what we know",
        "Ferry sinks | Forty missing off Port Selden after the storm",
        "Live updates | Ferry trial",
        "Ferry sinks off Port Selden with forty aboard | why it matters",
        "Harbor Ledger",
        " - Harbor Ledger",
        "Minister wins vote - new port levy",
        "Harbor Ledger - a newspaper's century",
        "Port-Selden ferry sinks",
        "",
    ],
)
def test_other_suffixes_are_kept(title: str) -> None:
    assert strip_outlet(title, outlet="Harbor Ledger", url="https://npl.example/x") == title


def test_an_invalid_url_is_ignored() -> None:
    assert (
        strip_outlet("Ferry sinks - Harbor Ledger", outlet=None, url="http://[broken") == "Ferry sinks - Harbor Ledger"
    )


@given(
    st.lists(st.sampled_from(["Ferry", "sinks", "Harbor Ledger", "-", "|", "News", "BBC", ":"]), min_size=1).map(
        " ".join
    )
)
def test_stripping_is_idempotent_and_leaves_a_title(title: str) -> None:
    stripped = strip_outlet(title, outlet="Harbor Ledger", url="https://bbc.example")
    assert title.startswith(stripped)
    assert stripped
    assert strip_outlet(stripped, outlet="Harbor Ledger", url="https://bbc.example") == stripped
