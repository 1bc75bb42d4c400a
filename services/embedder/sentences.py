"""Find the sentences of an article that can be quoted alone, with their offsets in its text.

Pure: the same text always gives the same sentences. Only languages with rules of their own have any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newsloom.contracts.sentences import Sentence
from services.embedder.english_sentences import can_stand_alone, is_english
from services.embedder.sentence_boundaries import sentence_spans

SENTENCES_MAX: Final = 60
ENGLISH_RULES: Final = "en-1"
"""The version of the rules for English. Raise it with any change of what they return."""


@dataclass(frozen=True, slots=True)
class UsableSentences:
    """The first `SENTENCES_MAX` usable sentences in the order of the text, and the version of the rules; "" without rules."""

    rules: str
    sentences: tuple[Sentence, ...]


NO_RULES: Final = UsableSentences("", ())


def usable_sentences(text: str, language: str | None, *, outlet: str | None = None) -> UsableSentences:
    """Return the sentences of an article's text that can stand alone, each once.

    `language` is a tag such as "en" or "en-GB"; without one, a text with enough function words of English is English.
    `outlet` is the name of the article's outlet: what it says about itself is no news.
    """
    if language:
        if language.casefold().replace("_", "-").split("-")[0] not in {"en", "eng", "english"}:
            return NO_RULES
    elif not is_english(text):
        return NO_RULES
    found: dict[str, Sentence] = {}
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        key = " ".join(sentence.casefold().split())
        if key not in found and can_stand_alone(sentence, outlet):
            found[key] = Sentence(text=sentence, offset=start)
            if len(found) == SENTENCES_MAX:
                break
    return UsableSentences(ENGLISH_RULES, tuple(found.values()))
