"""Cut an English text into sentences, as offsets: nothing of the text is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import sentencex

Span = tuple[int, int]
"""Start and end of a sentence in code points of the text."""

_BLOCK: Final = re.compile(
    r"</?(?:p|br|hr|div|section|article|blockquote|h[1-6]|ul|ol|li|table|tr|td|figure|figcaption)\b[^<>]{0,1000}>"
    r"|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]",
    re.IGNORECASE,
)
_LINE_CHARACTERS_MAX: Final = 20_000
"""Longer lines are data, not paragraphs."""

_PLACE: Final = r"[A-Z][A-Z.'\u2019-]+(?:,? (?:[A-Z][\w.'\u2019-]*|and|de|al|of)){0,5}"
_DATELINE: Final = re.compile(
    # "WASHINGTON (Reuters) - ", "NEW YORK, Jan. 5 (AP) \u2014 ", "LONDON \u2014 ", "Washington (CNN)", "(CNN) \u2014 "
    r"(?:(?:(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*\.? \d{1,2}, \d{4}\s*[:\u2014\u2013-]\s*)"
    rf"|{_PLACE}(?:,? \d{{1,2}})?(?: ?\([^()]{{2,40}}\))?\s*(?:\u2014|\u2013|--?)\s*"
    r"|(?:[A-Z][\w.'\u2019-]+,? ?){0,5}\((?:[A-Z]{2,5}|Reuters|Bloomberg|[A-Z]\w+ News)(?: Business)?\)"
    r"\s*(?:[\u2014\u2013-]+\s*)?)"
    r"(?=[\"'\u201c\u2018$A-Z0-9])"
)
_TITLE_BEFORE: Final = re.compile(
    r"(?:\b(?:v|vs|No|Nos|Reps?|Sens?|Govs?|Gen|Lt|Col|Sgt|Capt|Cmdr|Adm|Maj|Rev|Hon|Drs?|Mr|Mrs|Ms|Messrs|Prof|Pres|St|Ft|Mt"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Atty|Supt|Det|Insp)|(?:^|[\s(])[A-Z])\.\s*$"
)
"""Abbreviations and initials that end no sentence."""
_HOUR_BEFORE: Final = re.compile(r"\b[ap]\.m\.\s*$")
_HOUR_GOES_ON: Final = re.compile(
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|ET|E[SD]T|P[SD]?T|C[SD]?T|GMT|BST|CET|local|Eastern|Pacific|Central)\b"
)
_CONTINUED: Final = re.compile(r"[a-z(,;:\u2014\u2013]")


def sentence_spans(text: str) -> Iterator[Span]:
    """Yield the spans of the sentences, without white space around them and without a dateline before the first of a line."""
    for start, end in _line_spans(text):
        line = text[start:end]
        cut = _DATELINE.match(line)
        yield from _line_sentences(text, start + (cut.end() if cut else 0), end)


def _line_spans(text: str) -> Iterator[Span]:
    start = 0
    for block in _BLOCK.finditer(text):
        yield from _stripped(text, start, block.start())
        start = block.end()
    yield from _stripped(text, start, len(text))


def _line_sentences(text: str, start: int, end: int) -> Iterator[Span]:
    if end - start > _LINE_CHARACTERS_MAX:
        return
    line = text[start:end]
    pending = 0
    for boundary in sentencex.get_sentence_boundaries("en", line):
        stop = int(boundary["end_index"])
        if stop < len(line) and _goes_on(line, pending, stop):
            continue
        yield from _stripped(text, start + pending, start + stop)
        pending = stop
    yield from _stripped(text, start + pending, end)


def _goes_on(line: str, start: int, stop: int) -> bool:
    before = line[max(start, stop - 20) : stop]
    if _CONTINUED.match(line, stop) or _TITLE_BEFORE.search(before):
        return True
    return bool(_HOUR_BEFORE.search(before) and _HOUR_GOES_ON.match(line, stop))


def _stripped(text: str, start: int, end: int) -> Iterator[Span]:
    part = text[start:end]
    begin = start + len(part) - len(part.lstrip())
    if part.strip():
        yield begin, begin + len(part.strip())
