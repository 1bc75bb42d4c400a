"""The parts of titles, and which of them are rubrics: parts that recur over stories, such as "Live" in "Live: Bridge closed".

No list of words: what counts is how many open stories have a title with that part. The counts follow from the memberships.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar
from unicodedata import east_asian_width

from newsloom.contracts.membership import Membership

TITLE_STORIES_MIN: Final = 2
"""A whole title tells a story from others unless this number of stories have it."""
PART_STORIES_MIN: Final = 3
"""A part of a title is a rubric only if at least this number of stories have it."""
ELSEWHERE_MAX: Final = 2.0
"""A part is a topic and no rubric if its rarest word is in more than so many times as many titles as the part: "Ukraine: ..."."""
TELLING_WIDTH: Final = 12
"""The rest of a title tells what the story is about from this width: one for a letter, three for a Chinese character."""
PARTS_MAX: Final = 8
"""A title of more parts counts as one part."""

_WIDE: Final = "\u2e80-\u9fff\uac00-\ud7af"
_SEPARATOR: Final = re.compile(
    r"\s+[-\u2013\u2014/]+\s+"
    r"|\s*[|\uff5c\u4e28\u00b7\u2022\u00bb+\[\]\u3010\u3011\uff1a\uff01]+\s*"
    rf"|[:!](?:\s+|(?=[{_WIDE}]))"
)
"""A dash or a slash between spaces, a bar, bullet or bracket, a colon or exclamation mark before a space or a wide character."""
_WORD: Final = re.compile(r"\w+")
_DIGITS: Final = re.compile(r"\d+")

K = TypeVar("K")


class TitlePart(NamedTuple):
    """A part of a title between separators: where it is, and its words in lower case, with 0 for each number."""

    start: int
    end: int
    key: str


class Title(NamedTuple):
    """A title in parts. `key` has all of its words, `words` each once."""

    key: str
    parts: tuple[TitlePart, ...]
    words: frozenset[str]

    @property
    def keys(self) -> set[str]:
        """Return the keys of the whole title and of its parts."""
        return {self.key, *(part.key for part in self.parts)}


class TitleParts:
    """Counts in how many reports and in how many open stories each part of a title occurs, and in how many titles each word."""

    def __init__(self) -> None:
        # No `Counter`: a missing key costs it a call in Python.
        self._reports: dict[str, int] = {}
        self._stories: dict[str, int] = {}
        self._by_story: dict[tuple[str, str], int] = {}
        self._words: dict[str, int] = {}

    def add(self, report: Membership) -> None:
        """Count the title of a report of an open story."""
        title = split_title(report.title)
        for key in title.keys:
            _count(self._reports, key)
            _count(self._by_story, (key, report.story_id))
            if self._by_story[key, report.story_id] == 1:
                _count(self._stories, key)
        for word in title.words:
            _count(self._words, word)

    def remove(self, report: Membership) -> None:
        """Undo `add` of this report."""
        title = split_title(report.title)
        for key in title.keys:
            _uncount(self._reports, key)
            _uncount(self._by_story, (key, report.story_id))
            if (key, report.story_id) not in self._by_story:
                _uncount(self._stories, key)
        for word in title.words:
            _uncount(self._words, word)

    def is_telling(self, title: str) -> bool:
        """Return whether a title tells its story from others: it does not recur over stories, nor do all of its parts."""
        split = split_title(title)
        return self._stories.get(split.key, 0) < TITLE_STORIES_MIN and bool(self._telling_parts(split))

    def without_rubrics(self, title: str) -> str:
        """Return the title without the rubrics at its ends, or the whole title if the rest tells too little."""
        split = split_title(title)
        telling = self._telling_parts(split)
        if not telling or (telling[0], telling[-1]) == (split.parts[0], split.parts[-1]):
            return title
        rest = title[telling[0].start : telling[-1].end]
        return rest if _width(rest) >= TELLING_WIDTH else title

    def _telling_parts(self, title: Title) -> list[TitlePart]:
        return [part for part in title.parts if not self._is_rubric(part.key)]

    def _is_rubric(self, key: str) -> bool:
        if self._stories.get(key, 0) < PART_STORIES_MIN:
            return False
        rarest = min(self._words[word] for word in key.split())
        return rarest <= ELSEWHERE_MAX * self._reports[key]


# A title is split when its report comes, when another joins its story, and when the story closes.
@lru_cache(maxsize=8_192)
def split_title(title: str) -> Title:
    """Return the parts of a title that have words, in order; all of it is one part if there are over `PARTS_MAX`."""
    parts, start = [], 0
    for separator in _SEPARATOR.finditer(title):
        parts.append(TitlePart(start, separator.start(), _key(title[start : separator.start()])))
        start = separator.end()
    parts.append(TitlePart(start, len(title), _key(title[start:])))
    parts = [part for part in parts if part.key]
    key = " ".join(part.key for part in parts)
    if len(parts) > PARTS_MAX:
        parts = [TitlePart(0, len(title), key)]
    return Title(key, tuple(parts), frozenset(key.split()))


def _key(text: str) -> str:
    return " ".join(_WORD.findall(_DIGITS.sub("0", text.casefold())))


def _width(text: str) -> int:
    return sum(3 if east_asian_width(character) in "WF" else 1 for character in text)


def _count(counts: dict[K, int], key: K) -> None:
    counts[key] = counts.get(key, 0) + 1


def _uncount(counts: dict[K, int], key: K) -> None:
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]
