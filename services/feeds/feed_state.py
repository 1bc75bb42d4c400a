"""What is known of a feed between two fetches. It is kept on the log, in the note of the progress of the feed's writer."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import msgspec

from services.feeds.seen_entries import SeenEntries

NOTE_BYTES_MAX: Final = 4_096
"""What Kafka's brokers accept unless they are told otherwise."""
ETAG_BYTES_MAX: Final = 200
DATE_BYTES_MAX: Final = 64
URL_BYTES_MAX: Final = 500
"""As JSON."""


class Validators(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a server gave with a document, to be asked whether it has changed. They belong to the URL that answered."""

    etag: str = ""
    modified: str = ""
    url_hash: str = ""

    def headers_for(self, url: str) -> dict[str, str]:
        """Return the headers of a conditional request; none for another URL than theirs."""
        if self.url_hash != _hash(url):
            return {}
        pairs = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in pairs.items() if value}


class FeedState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of one feed. Times are Unix seconds.

    `url` is where the feed has moved to for good; empty: to the URL of the list. `due`: no request before. `failures`: in a row.
    `gone`: the server says that the feed has been removed. `robots_due`: until then robots.txt allows it, with a pause of
    `pause_s` between requests. `settings`: a hash of what the list and the options say of its articles.
    """

    url: str = ""
    validators: Validators = Validators()
    due: int = 0
    failures: int = 0
    gone: bool = False
    robots_due: int = 0
    pause_s: float = 0.0
    settings: str = ""
    entries: str = ""
    """The packed `SeenEntries` in base 85."""

    @property
    def seen(self) -> SeenEntries:
        """The entries that were written."""
        return SeenEntries(base64.b85decode(self.entries))


def pack_entries(seen: SeenEntries) -> str:
    """Return the value of `FeedState.entries`."""
    return base64.b85encode(seen.pack()).decode()


def validators(*, etag: str, modified: str, url: str) -> Validators:
    """Build the validators of a response from `url`, without those that are too long or not printable ASCII."""
    etag, modified = _fitting(etag, ETAG_BYTES_MAX), _fitting(modified, DATE_BYTES_MAX)
    return Validators(etag, modified, _hash(url)) if etag or modified else Validators()


def remembered_url(url: str) -> str:
    """Return the URL as `FeedState.url`; empty if it is too long: the feed is then asked for at the URL of the list each time."""
    return _fitting(url, URL_BYTES_MAX)


def encode_state(state: FeedState) -> str:
    """Return the state as a note of at most `NOTE_BYTES_MAX` bytes."""
    return msgspec.json.encode(state).decode()


def decode_state(note: str) -> FeedState:
    """Return the state in a note; an empty one if it is of another form, so that the feed is read from its start."""
    try:
        state = msgspec.json.decode(note, type=FeedState)
        base64.b85decode(state.entries)
    except (msgspec.DecodeError, ValueError):
        return FeedState()
    return state


def settings_hash(*values: object) -> str:
    """Return a short hash by which changed settings are noticed."""
    return hashlib.blake2b(msgspec.json.encode(values), digest_size=4).hexdigest()


def _hash(url: str) -> str:
    return hashlib.blake2b(url.encode(), digest_size=8).hexdigest()


def _fitting(value: str, bytes_max: int) -> str:
    is_plain = value.isascii() and value.isprintable()
    return value if is_plain and len(msgspec.json.encode(value)) - 2 <= bytes_max else ""
