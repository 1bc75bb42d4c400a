"""The process that reads a feed: `python -m services.feeds.parse_document URL CONTENT_TYPE`, the document on standard input."""

from __future__ import annotations

import sys
from typing import Final

import msgspec

from services.feeds.limited_process import EXIT_REFUSED, set_limits

OUTPUT_BYTES_MAX: Final = 32 * 1024**2
"""Above what a document of the largest size can hold: only entities that multiply give more."""


def main(url: str, content_type: str) -> int:
    """Write the document as JSON, or the reason why it is none; return the exit status."""
    set_limits()
    # Imported under the limits.
    from services.feeds.feed_document import read_document  # noqa: PLC0415
    from services.feeds.feed_entry import NotAFeed  # noqa: PLC0415

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


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
