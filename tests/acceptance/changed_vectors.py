"""Add events to a stream of vectors that are rare in real ones: duplicates, corrections, retractions, returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from newsloom.contracts.codec import decode_vector, encode
from newsloom.contracts.vector import ArticleRetraction, ArticleVector, VectorEvent
from newsloom.streaming.records import Message, Record

DUPLICATED_EVERY, CORRECTED_EVERY, RETRACTED_EVERY, RETURNED_EVERY = 10, 15, 20, 60


def with_changes(vectors: Iterable[Record]) -> list[Message]:
    """Return the vectors with duplicates, corrections and retractions between them."""
    messages = []
    seen: list[ArticleVector] = []
    for record in vectors:
        vector = decode_vector(record.value or b"")
        assert isinstance(vector, ArticleVector)
        seen.append(vector)
        messages.append(Message(record.topic, record.key, record.value, record.headers))
        messages += [Message(record.topic, event.edition.encode(), encode(event)) for event in _changes(seen)]
    return messages


def _changes(seen: list[ArticleVector]) -> Iterator[VectorEvent]:
    """Yield the events to add after the latest of `seen`, each about an earlier vector."""
    index = len(seen) - 1
    if index % DUPLICATED_EVERY == 9:
        yield seen[index - 9]
    if index % CORRECTED_EVERY == 14:
        # The text of another article: the corrected one may have to move.
        corrected, other = seen[index - 14], seen[index - 3]
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
    if index % RETRACTED_EVERY == 19:
        yield ArticleRetraction(article_id=seen[index - 12].article_id, edition=seen[index - 12].edition)
    if index % RETURNED_EVERY == 59:
        yield seen[index - 32]
