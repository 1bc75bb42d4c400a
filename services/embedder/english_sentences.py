"""Rules for English: which sentences a reader understands without the ones around them."""

from __future__ import annotations

import re
from typing import Final

from services.embedder.clutter import is_clutter
from services.embedder.english_furniture import is_furniture
from services.embedder.english_starts import starts_alone
from services.embedder.markup import clean_lines

CHARACTERS_MIN: Final = 15
"""Questions may be short; other sentences have `WORDS_MIN` words."""
CHARACTERS_MAX: Final = 600
WORDS_MIN: Final = 8
QUESTION_WORDS_MIN: Final = 4

_ENGLISH_SHARE: Final = 0.2
"""Share of function words from which a text is English: English news has about .3, other languages below .1."""
_FUNCTION_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "a the of and to in that is was for on with as it he by at from are his be has an which who were will would not have had",
    )
)
_SAMPLE_CHARACTERS: Final = 4_000
_SAMPLE_WORDS_MIN: Final = 20

_WORD: Final = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|\d[\d,.]*")
_STRAIGHT: Final = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
_ENDING: Final = re.compile(r"(?<!\.\.)(?<!\u2026)[.!?][\"')\]]*$")
_QUOTED: Final = re.compile(r'"[^"]*"')

_FIRST_OR_SECOND_PERSON: Final = re.compile(
    r"\bI(?:'(?:m|ve|d|ll))?\b(?!\.|\s?-|[A-Z])|\b(?:[Ww]e|[Yy]ou)(?:'\w+)?\b"
    r"|\b(?:[Mm]y|[Mm]e|[Oo]urs?|[Yy]ours?|us|myself|ourselves|[Ll]et's)\b"
)
_PRONOUN: Final = re.compile(r"\b(?:he|she|him|her|his|hers|they|them|their|theirs|it|its)\b(?:'\w+)?", re.IGNORECASE)
_LAST_PRONOUN: Final = re.compile(r"\b(?:it|him|them|her)[.!?]$")
LAST_PRONOUN_WORDS_MIN: Final = 12
"""In a shorter sentence that ends with "it" or "him", nothing else tells what is meant."""
_ANTECEDENT: Final = re.compile(
    r"\b[A-Z][\w'.-]*\b|\b(?:man|woman|men|women|boy|girl|mother|father|son|daughter|wife|husband|people|president|minister"
    r"|officials?|officers?|students?|victims?|workers?|voters?|lawmakers?|residents?|police|company|government|country|bill|law"
    r"|court|state|city|party|group|team|agency|judge|teenager|person|child|children|parents?|driver|suspect|\w+ists?|\w+ers|\w+ors"
    r"|\w+tion|\w+ment)\b"
)
_SENTENCE_OPENERS: Final = frozenset(
    re.findall(
        r"\w+",
        "a an the in on at by for from with after before when while as if since during under over about of to according among"
        " although though because last next early late more some many no not two three four five six seven eight nine ten"
        " monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september"
        " october november december speaking asked following despite amid",
    )
)
"""Capitalized at the start of a sentence or as a date: nobody whom a pronoun could mean."""
_SPEAKER_PRONOUN: Final = re.compile(
    r"[\",]\s*(?:he|she|they|it)\s+(?:also\s+|later\s+|then\s+)?(?:said|says|added|told|wrote|tweeted|asked|continued|explained"
    r"|went|noted|argued)\b|[\",]\s*(?:said|says|added|wrote) (?:he|she|they)\b|\bsuch an? \w+[.!?]$"
    r"|\b(?:many|most|some|all|one|several|none) of (?:his|her|their|its|them)\b",
    re.IGNORECASE,
)
"""A speaker, or a thing, that only a sentence before names."""


def is_english(text: str) -> bool:
    """Return whether the beginning of a text has as many function words as English."""
    words = [word.casefold() for word in _WORD.findall(text[:_SAMPLE_CHARACTERS])]
    if len(words) < _SAMPLE_WORDS_MIN:
        return False
    share: float = sum(word in _FUNCTION_WORDS for word in words) / len(words)
    return share >= _ENGLISH_SHARE


def can_stand_alone(sentence: str, outlet: str | None = None) -> bool:
    """Return whether a reader understands the sentence without the text around it. It has no white space at its ends."""
    if not CHARACTERS_MIN <= len(sentence) <= CHARACTERS_MAX:
        return False
    plain = sentence.translate(_STRAIGHT)
    if not (_is_plain_text(sentence) and _ENDING.search(plain) and _is_balanced(plain)) or is_clutter(sentence):
        return False
    if plain.endswith("?") and '"' not in plain:
        return _is_question(plain)
    outside = _QUOTED.sub('""', plain)
    return (
        len(plain.split()) >= WORDS_MIN
        and starts_alone(plain)
        and not is_furniture(plain, outside, outlet)
        and not _FIRST_OR_SECOND_PERSON.search(outside)
        and not _is_shouted(plain)
        and _has_speaker(plain, outside)
        and _pronouns_have_antecedents(outside)
    )


def _is_plain_text(sentence: str) -> bool:
    return clean_lines(sentence) == [" ".join(sentence.split())]


def _is_balanced(plain: str) -> bool:
    if plain.count('"') % 2 or plain.count("(") != plain.count(")") or plain.count("[") != plain.count("]"):
        return False
    opened = len(re.findall(r"(?<!\w)'(?=\w)", plain))
    return opened <= len(re.findall(r"(?<=[\w.,!?])'(?!\w)", plain))


def _is_shouted(plain: str) -> bool:
    letters = [c for c in plain if c.isalpha()]
    upper: int = sum(c.isupper() for c in letters)
    return 2 * upper > len(letters)


def _has_speaker(plain: str, outside: str) -> bool:
    """Return whether a quotation is attributed to somebody who is named: an article's own words need no speaker."""
    if _SPEAKER_PRONOUN.search(plain):
        return False
    return not plain.startswith('"') or len(_WORD.findall(outside)) >= 2  # noqa: PLR2004 - a name and a verb


def _is_antecedent(match: re.Match[str]) -> bool:
    """Return whether a pronoun may mean this word. "Speaking" at the start of a sentence is no name."""
    word = match[0].casefold()
    return word not in _SENTENCE_OPENERS and not (match.start() == 0 and word.endswith(("ing", "ed", "ly")))


def _pronouns_have_antecedents(outside: str) -> bool:
    pronoun = _PRONOUN.search(outside)
    if pronoun is None:
        return True
    if _LAST_PRONOUN.search(outside) and len(outside.split()) < LAST_PRONOUN_WORDS_MIN:
        return False
    before = outside[: pronoun.start()]
    if any(_is_antecedent(match) for match in _ANTECEDENT.finditer(before)):
        return True
    return pronoun[0].casefold() in {"it", "its", "their", "them", "they"} and len(_WORD.findall(before)) >= 3  # noqa: PLR2004 - a noun phrase and a verb


_QUESTION: Final = re.compile(
    r"(?:What|Why|How|Who|When|Where|Which|Is|Are|Was|Were|Will|Would|Can|Could|Does|Do|Did|Has|Have|Should)(?:'s)?\b[^.!?\"]*\?"
)
_OPEN_QUESTION: Final = re.compile(
    r"\b(?:he|she|it|they|this|that|these|those|you|your|we|our|us|I|my|him|her|them|his|its|their|there)\b",
    re.IGNORECASE,
)


def _is_question(plain: str) -> bool:
    """Return whether a sentence that ends with a question mark is a question of readers, and is understood alone."""
    return bool(
        _QUESTION.fullmatch(plain) and len(plain.split()) >= QUESTION_WORDS_MIN and not _OPEN_QUESTION.search(plain)
    )
