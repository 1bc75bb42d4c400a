"""An operator's ratings of outlets, for articles whose producer gives none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from newsloom.contracts.article import Leaning
from newsloom.streaming.errors import ConfigurationError


class Ratings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The leaning of outlets by their names, and who rated them, which the page says."""

    source: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    outlets: dict[str, Leaning]

    def leaning(self, given: Leaning | None, outlet: str | None) -> Leaning | None:
        """Return the producer's leaning; else that of the outlet, or None."""
        return given if given is not None or outlet is None else self.outlets.get(outlet)


NO_RATINGS = Ratings(source="the producers of the articles", outlets={})


def load_ratings(path: str) -> Ratings:
    """Return the ratings in a JSON file, none if `path` is empty.

    Raises:
        ConfigurationError: the file cannot be read or is not as it must be; the message says what to change.

    """
    if not path:
        return NO_RATINGS
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=Ratings)
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError(
            f"NEWSLOOM_PAGE_RATINGS={path}: {reason}; write "
            '{"source": "who rated them", "outlets": {"The Gull": "left"}}, with left, center or right'
        ) from error
