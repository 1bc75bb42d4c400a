"""Articles and retractions as records of the `articles` topic."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from newsloom.contracts.article import Article
from newsloom.contracts.cloudevents import ARTICLE_PUBLISHED, ARTICLE_RETRACTED, EventHeaders
from newsloom.contracts.codec import encode
from newsloom.streaming.records import Message
from newsloom.traceparent import new_traceparent
from services.ingest.article_parser import LineRejected, Retraction

SOURCE: Final = "newsloom/ingest"
FRAMING_BYTES: Final = 512
"""Room for what a log adds to a record on its way."""


def article_message(event: Article | Retraction, *, topic: str, record_bytes_max: int, now: datetime) -> Message:
    """The record for `topic`; its timestamp will be the time of writing.

    The event's id tells contents apart: the same article again has the same id, a corrected one another.

    Raises:
        LineRejected: the record would be larger than the topic takes.

    """
    identity = f"{event.edition}/{event.id}"
    value = None if isinstance(event, Retraction) else encode(event)
    headers = EventHeaders(
        id=f"{identity}/{'retracted' if value is None else hashlib.sha256(value).hexdigest()[:16]}",
        source=SOURCE,
        type=ARTICLE_RETRACTED if value is None else ARTICLE_PUBLISHED,
        subject=identity,
        time=now,
        edition=event.edition if value is None else None,
        traceparent=new_traceparent(),
    )
    message = Message(topic=topic, key=event.id.encode(), value=value, headers=headers.encode())
    if (size := message.size_bytes) > record_bytes_max - FRAMING_BYTES:
        raise LineRejected(f"{size:,} bytes as a record, {topic} takes {record_bytes_max - FRAMING_BYTES:,}", "text")
    return message
