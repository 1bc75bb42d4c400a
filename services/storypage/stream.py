"""Live updates as server-sent events.

The id of an event is the position after it in `story-updates`, so any replica goes on from the `Last-Event-ID` of another. A
stream ends after `STREAM_S_MAX`, and the browser opens the next one where this one ended. A reader that has stopped reading
cannot be told from a quiet one as long as its connection takes what is sent; it holds nothing for longer than that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final

import msgspec
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from newsloom.contracts.story import StoryUpdate
from newsloom.contracts.topics import STORY_UPDATES
from services.storypage.context import Context
from services.storypage.live import Reset
from services.storypage.metrics import PageMetrics
from services.storypage.positions import InvalidPositions, format_positions, parse_positions
from services.storypage.problems import bad_request
from services.storypage.requests import parse_query
from services.storypage.resources import LiveQuery, LiveUpdate
from services.storypage.responses import SECURITY_HEADERS

STREAM_S_MAX: Final = 45.0
HEARTBEAT_S: Final = 15
SEND_S_MAX: Final = 10.0
"""A reader that takes nothing for this long is dropped."""
RETRY_MS: Final = 1_000


class Stream:
    """The endpoint `/api/live`."""

    def __init__(self, context: Context, metrics: PageMetrics, *, stream_s: float = STREAM_S_MAX) -> None:
        self._context = context
        self._metrics = metrics
        self._stream_s = stream_s

    async def live(self, request: Request) -> Response:
        """Answer with a stream of events."""
        query = parse_query(request, LiveQuery)
        text = request.headers.get("last-event-id") or query.after
        try:
            after = None if text is None else parse_positions(text)
        except InvalidPositions as error:
            raise bad_request(f"the id of the last event: {error}") from error
        return EventSourceResponse(
            self._events(after, query.story),
            ping=HEARTBEAT_S,
            send_timeout=SEND_S_MAX,
            headers={**SECURITY_HEADERS, "Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, after: Mapping[int, int] | None, story_id: str) -> AsyncIterator[ServerSentEvent]:
        if after is None:
            with self._context.read() as queries:
                after = queries.positions(STORY_UPDATES.name)
        # An id without data: the browser goes on from here even if no event comes.
        yield ServerSentEvent(id=format_positions(after), retry=RETRY_MS)
        updates = self._context.live.follow(after, self._context.updates_after, seconds=self._stream_s)
        self._metrics.live_readers.inc()
        reached = dict(after)
        try:
            async for published, reached in updates:
                if story_id in {"", published.update.story_id, published.update.merged_into}:
                    yield _event(published.update, format_positions(reached))
            yield ServerSentEvent(id=format_positions(reached))
        except Reset:
            with self._context.read() as queries:
                position = format_positions(queries.positions(STORY_UPDATES.name))
            yield ServerSentEvent(event="reset", id=position, data="{}")
        finally:
            self._metrics.live_readers.dec()


def _event(update: StoryUpdate, position: str) -> ServerSentEvent:
    data = LiveUpdate(
        story_id=update.story_id,
        edition=update.edition,
        version=update.version,
        kind=update.kind,
        cause=update.cause,
        at=update.at,
        title=update.title,
        article_count=update.article_count,
        article_count_before=update.article_count_before,
        merged_into=update.merged_into,
    )
    return ServerSentEvent(event="story", id=position, data=msgspec.json.encode(data).decode())
