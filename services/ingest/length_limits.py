"""Cut titles and texts over the contract's limits at the end of a sentence or a word, with a mark. No I/O."""

from __future__ import annotations

import re
from typing import Final

CUT_MARK: Final = " [cut]"

_SENTENCE_END: Final = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s)|[。！？]|(?=\n)")  # noqa: RUF001 - Chinese and Japanese
_WORD_END: Final = re.compile(r"(?<=\S)(?=\s)")
_SEARCHED_SHARE: Final = 4
"""A sentence or word end is searched in the last quarter; text without one there is cut in the middle of a word."""


def cut(text: str, characters_max: int) -> str:
    """Return the text, or as much of its start as fits with `CUT_MARK` behind it."""
    if len(text) <= characters_max:
        return text
    room = characters_max - len(CUT_MARK)
    start = room - room // _SEARCHED_SHARE
    end = _last_end(_SENTENCE_END, text, start, room) or _last_end(_WORD_END, text, start, room) or room
    kept = text[:end].rstrip()
    return kept + CUT_MARK if kept else ""


def _last_end(pattern: re.Pattern[str], text: str, start: int, room: int) -> int | None:
    # One character more, so that an end right before it is seen.
    ends = [found.end() for found in pattern.finditer(text[start : room + 1])]
    return next((start + end for end in reversed(ends) if start + end <= room), None)
