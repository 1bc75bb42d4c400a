"""A feed with its state, which is read from the log and written with its articles in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing

from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import topic_name
from newsloom.settings import Settings
from newsloom.streaming.errors import Fenced
from newsloom.streaming.log import Log, Progress
from newsloom.streaming.records import Message
from newsloom.streaming.resumable_writer import ResumableWriter
from services.feeds.canonical_url import display_url, host_of
from services.feeds.feed_list import Feed
from services.feeds.feed_state import FeedState, decode_state, encode_state


class FeedSource:
    """One feed of a run. Its writer is named after the URL in the list."""

    def __init__(self, log: Log, settings: Settings, feed: Feed) -> None:
        """Read the state from the log."""
        self.feed = feed
        self._log = log
        self._writer_name = f"{settings.topic_prefix}ingest-feed-{hashlib.sha256(feed.url.encode()).hexdigest()[:16]}"
        self._topic = topic_name(settings, ARTICLES)
        with closing(self._open_writer()) as writer:
            self._progress = writer.progress
        self.state = FeedState() if self._progress is None else decode_state(self._progress.note)

    @property
    def name(self) -> str:
        """The URL of the list, for messages."""
        return display_url(self.feed.url)

    @property
    def url(self) -> str:
        """The URL to ask: that of the list, or where the feed has moved to."""
        return self.state.url or self.feed.url

    @property
    def host(self) -> str:
        """The host that is asked."""
        return host_of(self.url)

    def commit(self, messages: Sequence[Message], state: FeedState) -> None:
        """Write the articles and the new state in one transaction.

        Raises:
            Fenced: another process reads this feed.
            LogError: the log stayed away.

        """
        position = (self._progress.position if self._progress else 0) + len(messages)
        progress = Progress(position, encode_state(state))
        with closing(self._open_writer()) as writer:
            if writer.progress != self._progress:
                raise Fenced(f"another process reads the feed {self.name}: do not run two at the same time")
            writer.write(messages, progress)
        self._progress = progress
        self.state = state

    def _open_writer(self) -> ResumableWriter:
        return ResumableWriter(self._log, self._writer_name, progress_topic=self._topic)
