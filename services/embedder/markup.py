"""Remove what scraping leaves in a text: HTML entities, tags, invisible characters, uneven spacing."""

from __future__ import annotations

import html
import re
import unicodedata
from html.entities import html5
from typing import Final

_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPED_AMPERSAND: Final = re.compile(r"&(?:amp;)+")
_DECODINGS_MAX: Final = 3
"""Text is seldom escaped more than twice. Each decoding scans the text, so deeply nested entities must not set their number."""

_MARKS_MAX: Final = 30
"""Combining marks on one letter. No language needs more: Unicode Standard Annex 15, Stream-Safe Text Format."""

# Only known tags, so that "a < b" and "<name withheld>" stay. Of bounded length, so that a stray "<p" matches no more.
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

# The joiners U+200C and U+200D stay: Persian and Indic scripts need them.
_INVISIBLE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls, except line breaks and white space
    "\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "]"
)


def clean_lines(text: str) -> list[str]:
    """Return the non-empty lines of the text without markup, in NFC and single-spaced. Cleaning is idempotent."""
    text = _decode_entities(text)
    text = _INLINE_TAG.sub(" ", _BLOCK_TAG.sub("\n", text))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line]


def _decode_entities(text: str) -> str:
    text = _normalize(text)
    for _ in range(_DECODINGS_MAX):
        decoded = _ENTITY.sub(_decode_entity, _ESCAPED_AMPERSAND.sub("&", text))
        if decoded == text:
            return text
        text = _normalize(decoded)
    # Break what is nested more deeply than in any honest text, so that cleaning again decodes nothing.
    return _normalize(_ENTITY.sub(_break_entity, text))


def _decode_entity(entity: re.Match[str]) -> str:
    written = entity[0]
    # Decode exact names only: html.unescape reads "&notes;" as "&not" followed by "es;".
    if written[1] != "#" and written[1:] not in html5:
        return written
    return html.unescape(written)


def _break_entity(entity: re.Match[str]) -> str:
    return entity[0] if _decode_entity(entity) == entity[0] else entity[0].replace("&", " ")


def _normalize(text: str) -> str:
    text = _INVISIBLE.sub("", text)
    if text.isascii():
        return text
    # Limit the marks before NFC, which takes quadratic time on a long run of them, and after it, as it can lengthen a run.
    return _stream_safe(unicodedata.normalize("NFC", _stream_safe(text)))


def _stream_safe(text: str) -> str:
    """Return the text with runs of combining marks truncated to `_MARKS_MAX`."""
    marks = "".join(sorted(filter(unicodedata.combining, set(text))))
    return re.sub(f"([{marks}]{{{_MARKS_MAX}}})[{marks}]+", r"\1", text) if marks else text
