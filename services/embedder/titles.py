"""Remove the name of the outlet from the end of a title."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_SEPARATOR: Final = re.compile(r"\s+[-|\u2013\u2014\u2022\u00b7\u00bb:]+\s+")
_WORD: Final = re.compile(r"\w+")
_GENERIC_LABELS: Final = frozenset(
    {"www", "m", "amp", "mobile", "news", "edition", "com", "co", "org", "net", "gov", "edu"}
)
_NAME_LETTERS_MIN: Final = 3

_SECTION_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "the news online newspaper magazine daily weekly radio tv live home homepage com world national international local"
        " uk us usa politics business sport sports opinion",
    )
)
"""Words that appear next to the name of an outlet in a title and are not part of the name."""

# Headlines contain dashes and colons, but seldom a bar: after a bar any short name is removed, not only that of the outlet.
_BAR_SUFFIX_WORDS_MAX: Final = 4
_BAR_HEADLINE_WORDS_MIN: Final = 5


def strip_outlet(title: str, *, outlet: str | None, url: str | None) -> str:
    """Return the title without trailing " - Outlet" or " | Outlet". It is empty only if the title is."""
    names = frozenset(_outlet_names(outlet, url))
    while True:
        shorter = _strip_suffix(title, names)
        if shorter == title:
            return title
        title = shorter


def _strip_suffix(title: str, names: frozenset[str]) -> str:
    separators = list(_SEPARATOR.finditer(title))
    if not separators:
        return title
    last = separators[-1]
    headline, suffix = title[: last.start()].rstrip(), title[last.end() :].strip()
    if not _WORD.search(headline):
        return title
    named = bool(names & _spellings(suffix))
    return headline if named or (last[0].strip() == "|" and _is_site_name(suffix, headline)) else title


def _is_site_name(suffix: str, headline: str) -> bool:
    words = suffix.split()
    return (
        len(words) <= _BAR_SUFFIX_WORDS_MAX
        and len(headline.split()) >= _BAR_HEADLINE_WORDS_MIN
        # A lower-case word suggests that the suffix is part of the headline.
        and all(not word[0].islower() or word in {"of", "the", "and", "de"} for word in words)
        and suffix[-1].isalnum()
    )


def _outlet_names(outlet: str | None, url: str | None) -> Iterable[str]:
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
        joined = label.replace("-", "")
        if joined not in _GENERIC_LABELS and len(joined) >= _NAME_LETTERS_MIN:
            yield joined
            # "Plainsman" is the outlet of theplainsman.example.
            yield joined.removeprefix("the")


def _spellings(name: str) -> frozenset[str]:
    """Return the name in lower case and without spaces, as in a host name: whole, without section words, and as initials."""
    words = _WORD.findall(name)
    bare = [word for word in words if word.casefold() not in _SECTION_WORDS]
    spellings = {"".join(words), "".join(bare)}
    # Initials come from capitalized names alone: "New poll results" is not NPR.
    if not any(word[0].islower() for word in words):
        initials = "".join(word[0] for word in words)
        spellings |= {initials, initials[1:] if words[:1] == ["The"] else initials}
    return frozenset(spelling.casefold() for spelling in spellings if len(spelling) >= _NAME_LETTERS_MIN)
