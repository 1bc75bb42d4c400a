"""Remember which entries of a feed were written, and with which content, in eight bytes each."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from services.feeds.article_rows import Row
from services.feeds.feed_document import ENTRIES_MAX

_ID_BYTES: Final = 5
_CONTENT_BYTES: Final = 3
_ENTRY_BYTES: Final = _ID_BYTES + _CONTENT_BYTES
"""Among 300 entries, two ids collide with a probability of 4e-8, and an edit is missed with one of 6e-8."""


class SeenEntries:
    """The latest `ENTRIES_MAX` entries: hash of the id -> hash of the content, latest first."""

    def __init__(self, packed: bytes = b"") -> None:
        pieces = (packed[start : start + _ENTRY_BYTES] for start in range(0, len(packed), _ENTRY_BYTES))
        self._contents = {piece[:_ID_BYTES]: piece[_ID_BYTES:] for piece in pieces}

    def has(self, row: Row) -> bool:
        """Return whether this very row is known."""
        return self._contents.get(_id_hash(row)) == _content_hash(row)

    def has_id(self, row: Row) -> bool:
        """Return whether an entry of this id is known, perhaps with another content."""
        return _id_hash(row) in self._contents

    def after(self, rows: list[Row]) -> SeenEntries:
        """Return what is known after a document with these rows, oldest first."""
        found = SeenEntries()
        # What has left the document stays known as long as there is room: it may come back.
        latest = {_id_hash(row): _content_hash(row) for row in reversed(rows)}
        found._contents = dict(list((latest | _without(self._contents, latest)).items())[:ENTRIES_MAX])
        return found

    def pack(self) -> bytes:
        """Return the bytes from which the constructor makes an equal object."""
        return b"".join(key + value for key, value in self._contents.items())


def _without(contents: dict[bytes, bytes], others: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: value for key, value in contents.items() if key not in others}


def _id_hash(row: Row) -> bytes:
    identity = msgspec.json.encode([row["edition"], row["id"]])
    return hashlib.blake2b(identity, digest_size=_ID_BYTES).digest()


def _content_hash(row: Row) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(row), digest_size=_CONTENT_BYTES).digest()
