"""A stream of vectors with what real ones rarely bring: repeats, corrections, retractions, returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from newsloom.contracts.codec import decode_vector, encode
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.records import Message, Record

REPEATED_EVERY, CORRECTED_EVERY, RETRACTED_EVERY, BACK_EVERY = 10, 15, 20, 60


def stirred(vectors: Iterable[Record]) -> list[Message]:
    """The vectors as they stand, and between them those that come again, changed or not, or are withdrawn."""
    messages = []
    seen: list[ArticleVector] = []
    for record in vectors:
        vector = decode_vector(record.value or b"")
        assert isinstance(vector, ArticleVector)
        seen.append(vector)
        messages.append(Message(record.topic, record.key, record.value, record.headers))
        messages += [Message(record.topic, event.edition.encode(), encode(event)) for event in _disturbances(seen)]
    return messages


def _disturbances(seen: list[ArticleVector]) -> Iterator[VectorEvent]:
    """What comes after the latest of `seen`, each about one a little or a good deal before it."""
    place = len(seen) - 1
    if place % REPEATED_EVERY == 9:
        yield seen[place - 9]
    if place % CORRECTED_EVERY == 14:
        # The text of another article: the corrected one may have to move.
        corrected, other = seen[place - 14], seen[place - 3]
        yield msgspec.structs.replace(
            corrected,
            digest="corrected",
            title=other.title,
            title_vector=other.title_vector,
            lead_vector=other.lead_vector,
            terms=other.terms,
            term_counts=other.term_counts,
            shingles=other.shingles,
        )
    if place % RETRACTED_EVERY == 19:
        yield ArticleRetraction(article_id=seen[place - 12].article_id, edition=seen[place - 12].edition)
    if place % BACK_EVERY == 59:
        yield seen[place - 32]
