"""The process that reads a feed: the document comes on standard input, and goes out as a `FeedDocument` in JSON."""

from __future__ import annotations

import sys
from typing import Final

import msgspec

from services.feeds.child_process import EXIT_REFUSED
from services.feeds.feed_document import read_document
from services.feeds.feed_entry import NotAFeed

OUTPUT_BYTES_MAX: Final = 32 * 1024**2
"""Above what a document of the largest size can hold: only entities that multiply give more."""


def main(url: str, content_type: str) -> int:
    """Write the document, or the reason why it is none; return the exit status."""
    try:
        output = msgspec.json.encode(read_document(sys.stdin.buffer.read(), content_type=content_type, url=url))
    except NotAFeed as error:
        return _refuse(str(error))
    if len(output) > OUTPUT_BYTES_MAX:
        return _refuse(
            f"its entries have {len(output):,} bytes, over {OUTPUT_BYTES_MAX:,}: ask the publisher for a smaller feed"
        )
    sys.stdout.buffer.write(output)
    return 0


def _refuse(reason: str) -> int:
    sys.stdout.buffer.write(reason.encode(errors="replace"))
    return EXIT_REFUSED
