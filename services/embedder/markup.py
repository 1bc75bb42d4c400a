"""What scraping leaves in a text: entities, tags, invisible characters, uneven spacing."""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5
from typing import Final

_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPED_AMPERSAND: Final = re.compile(r"&(?:amp;)+")
_PASSES_MAX: Final = 3
"""Text is seldom escaped more than twice; each pass costs a scan, so a hostile nest of entities must not set their number."""

_MARKS_MAX: Final = 30
"""Unicode Standard Annex 15, Stream-Safe Text Format: no language needs more on one letter."""

# Named, so that "a < b" and "<name withheld>" stay. Bounded, so that a stray "<p" does not reach across the page.
_BLOCK_TAG: Final = re.compile(
    r"</?(?:p|br|hr|div|section|article|aside|header|footer|nav|figure|figcaption|picture|blockquote|pre|h[1-6]|ul|ol|li|dl|dt|dd"
    r"|table|thead|tbody|tr|td|th|iframe|video|audio|form|script|style|noscript)\b[^<>]{0,1000}>",
    re.IGNORECASE,
)
_INLINE_TAG: Final = re.compile(
    r"</?(?:a|abbr|b|big|cite|code|em|font|i|img|mark|q|s|small|span|strong|sub|sup|time|u|button|input|label)\b"
    r"[^<>]{0,1000}>",
    re.IGNORECASE,
)

# The joiners U+200C and U+200D stay: Persian and Indic spelling needs them.
_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls, but for those that end a line or stand for a space
    "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "]"
)


def clean_lines(text: str) -> list[str]:
    """The text's lines without markup, in NFC, single-spaced; empty lines are left out. Cleaning twice changes nothing."""
    text = _decoded(text)
    text = _INLINE_TAG.sub(" ", _BLOCK_TAG.sub("\n", text))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line]


def _decoded(text: str) -> str:
    text = _composed(text)
    for _ in range(_PASSES_MAX):
        decoded = _ENTITY.sub(_character, _ESCAPED_AMPERSAND.sub("&", text))
        if decoded == text:
            return text
        text = _composed(decoded)
    # Deeper than any honest text: what is left is taken apart instead, so that nothing remains to be decoded.
    return _composed(_ENTITY.sub(_taken_apart, text))


def _character(entity: re.Match[str]) -> str:
    written = entity[0]
    # Exact names only: html.unescape alone would read "&notes;" as a sign followed by "es;".
    if written[1] != "#" and written[1:] not in html5:
        return written
    return html.unescape(written)


def _taken_apart(entity: re.Match[str]) -> str:
    return entity[0] if _character(entity) == entity[0] else entity[0].replace("&", " ")


def _composed(text: str) -> str:
    text = _INVISIBLE.sub("", text)
    if text.isascii():
        return text
    # Before, or normalizing takes quadratic time; after, because it can lengthen a run.
    return _stream_safe(unicodedata.normalize("NFC", _stream_safe(text)))


def _stream_safe(text: str) -> str:
    """The text with runs of combining marks cut at `_MARKS_MAX`."""
    marks = "".join(sorted(filter(unicodedata.combining, set(text))))
    return re.sub(f"([{marks}]{{{_MARKS_MAX}}})[{marks}]+", r"\1", text) if marks else text
