"""Titles without the outlet's name behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_SEPARATOR: Final = re.compile(r"\s+[-|\u2013\u2014\u2022\u00b7\u00bb:]+\s+")
_WORD: Final = re.compile(r"\w+")
_NOT_A_NAME: Final = frozenset(
    {"www", "m", "amp", "mobile", "news", "edition", "com", "co", "org", "net", "gov", "edu"}
)
_NAME_LETTERS_MIN: Final = 3

_SECTIONS: Final = frozenset(
    re.findall(
        r"\w+",
        "the news online newspaper magazine daily weekly radio tv live home homepage com world national international local"
        " uk us usa politics business sport sports opinion",
    )
)
"""Words that stand beside an outlet's name in a title without being part of it."""

# A bar is page furniture; dashes and colons are punctuation that headlines live by, and go only with a name behind them.
_BAR_SUFFIX_WORDS_MAX: Final = 4
_BAR_REST_WORDS_MIN: Final = 5


def without_outlet(title: str, *, outlet: str | None, url: str | None) -> str:
    """The title without trailing " - Outlet" or " | Outlet". Never empty if the title was not."""
    names = frozenset(_names(outlet, url))
    while True:
        shorter = _without_suffix(title, names)
        if shorter == title:
            return title
        title = shorter


def _without_suffix(title: str, names: frozenset[str]) -> str:
    separators = list(_SEPARATOR.finditer(title))
    if not separators:
        return title
    last = separators[-1]
    rest, suffix = title[: last.start()].rstrip(), title[last.end() :].strip()
    if not _WORD.search(rest):
        return title
    named = bool(names & _spellings(suffix))
    return rest if named or (last[0].strip() == "|" and _is_site_name(suffix, rest)) else title


def _is_site_name(suffix: str, rest: str) -> bool:
    words = suffix.split()
    return (
        len(words) <= _BAR_SUFFIX_WORDS_MAX
        and len(rest.split()) >= _BAR_REST_WORDS_MIN
        # One lower-case word, and it is likelier a piece of the headline.
        and all(not word[0].islower() or word in {"of", "the", "and", "de"} for word in words)
        and suffix[-1].isalnum()
    )


def _names(outlet: str | None, url: str | None) -> Iterable[str]:
    if outlet:
        yield from _spellings(outlet)
        if "." in outlet and " " not in outlet:
            yield from _host_labels(outlet)
    if url:
        yield from _host_labels(_host(url))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _host_labels(host: str) -> Iterable[str]:
    labels = host.casefold().removeprefix("www.").split(".")
    for label in labels[:-1]:
        squashed = label.replace("-", "")
        if squashed not in _NOT_A_NAME and len(squashed) >= _NAME_LETTERS_MIN:
            yield squashed
            # theplainsman.example and "Plainsman"; examplenews.example and "Example".
            yield squashed.removeprefix("the")


def _spellings(name: str) -> frozenset[str]:
    """The ways a name is squashed into a host: as it is, without section words, as initials."""
    words = _WORD.findall(name)
    bare = [word for word in words if word.casefold() not in _SECTIONS]
    spellings = {"".join(words), "".join(bare)}
    # "New poll results" is not NPR.
    if not any(word[0].islower() for word in words):
        initials = "".join(word[0] for word in words)
        spellings |= {initials, initials[1:] if words[:1] == ["The"] else initials}
    return frozenset(spelling.casefold() for spelling in spellings if len(spelling) >= _NAME_LETTERS_MIN)
