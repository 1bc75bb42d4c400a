"""CloudEvents 1.0 in Kafka's binary content mode: the headers hold the attributes of an event, the value its data.

Source: CloudEvents specification 1.0.2 and its Kafka protocol binding; W3C Trace Context for `traceparent`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from newsloom.contracts.codec import CONTENT_TYPE
from newsloom.contracts.pipeline import CLOUDEVENT_ID, EDITION_HEADER, EVENT_TYPE, TRACEPARENT
from newsloom.contracts.story import UpdateKind

Headers = tuple[tuple[str, bytes], ...]

SPEC_VERSION: Final = "1.0"
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

ARTICLE_PUBLISHED: Final = "newsloom.article.published.v1"
ARTICLE_RETRACTED: Final = "newsloom.article.retracted.v1"
ARTICLE_VECTORIZED: Final = "newsloom.article.vectorized.v1"
VECTOR_RETRACTED: Final = "newsloom.article.vector-retracted.v1"
COMMAND_ISSUED: Final = "newsloom.story-command.issued.v1"
COMMAND_PASSED: Final = "newsloom.story-command.passed.v1"
STORY_SNAPSHOT: Final = "newsloom.story.snapshot.v1"
MEMBERSHIP: Final = "newsloom.membership.v1"
CHECKPOINT: Final = "newsloom.checkpoint.v1"


def story_update_type(kind: UpdateKind) -> str:
    """Return the event type of an update, such as `newsloom.story.created.v1`."""
    return f"newsloom.story.{kind.value}.v1"


class EventHeaders(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of one event. `source` and `id` identify it: an event that is written again has the same.

    A `traceparent` that is not valid (W3C Trace Context) is left out, because it may be of any size.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    edition: str | None = None
    traceparent: str | None = None

    def encode(self) -> Headers:
        """Encode the attributes as record headers."""
        pairs = [
            ("ce_specversion", SPEC_VERSION),
            (CLOUDEVENT_ID, self.id),
            ("ce_source", self.source),
            (EVENT_TYPE, self.type),
            ("ce_subject", self.subject),
            ("ce_time", rfc3339(self.time)),
            ("content-type", CONTENT_TYPE),
        ]
        if self.edition is not None:
            pairs.append((EDITION_HEADER, self.edition))
        if self.traceparent is not None and _TRACEPARENT.fullmatch(self.traceparent):
            pairs.append((TRACEPARENT, self.traceparent))
        return tuple((name, value.encode()) for name, value in pairs)


def rfc3339(moment: datetime) -> str:
    """Format a time as RFC 3339 in UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
