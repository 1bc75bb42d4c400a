"""Build records of the `articles` topic from articles and retractions."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

from newsloom.contracts.article import Article
from newsloom.contracts.cloudevents import ARTICLE_PUBLISHED, ARTICLE_RETRACTED, EventHeaders
from newsloom.contracts.codec import encode
from newsloom.streaming.records import Message
from newsloom.traceparent import new_traceparent
from services.ingest.article_parser import InvalidLine, Retraction

SOURCE: Final = "newsloom/ingest"
FRAMING_BYTES: Final = 512
"""Reserve for what the log adds to a record."""


def article_message(event: Article | Retraction, *, topic: str, record_bytes_max: int, now: datetime) -> Message:
    """Build the record for `topic`; the log sets its timestamp when it writes it.

    The event id contains a hash of the content: the same article has the same id again, a corrected one has another.

    Raises:
        InvalidLine: the record would exceed the topic's size limit.

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
    limit_bytes = record_bytes_max - FRAMING_BYTES
    if (size := message.size_bytes) > limit_bytes:
        raise InvalidLine(f"{size:,} bytes as a record, over the limit of {limit_bytes:,} of {topic}", "text")
    return message
