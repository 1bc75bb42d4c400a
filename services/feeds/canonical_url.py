"""URLs without what changes while the page stays the same. No I/O."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

_TRACKING: Final = re.compile(
    r"(utm_\w+|at_(?:medium|campaign|link_\w+|bbc_\w+|format|ptr_\w+|custom\d)|mc_[ce]id|ns_(?:mchannel|source|campaign|linkname|fee)"
    r"|fbclid|gclid|dclid|msclkid|yclid|twclid|igshid|_ga|_gl|ocid|xtor|cmpid|icid|ftag|wt_mc|smid)=.*",
    re.IGNORECASE,
)
"""Parameters by which publishers count where readers come from."""
_FEED_MARK: Final = re.compile(r"(?:\w+=)?(?:rss2?|atom|feed)|rss=\d", re.IGNORECASE)
"""Parameters that say only that the link comes from a feed, such as ref=rss."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def without_tracking(url: str) -> str:
    """Return the URL without its fragment and the parameters that count readers; it leads to the same page."""
    parts = urlsplit(url)
    return parts._replace(query=_identifying(parts.query), fragment=_route(parts.fragment)).geturl()


def canonical_url(url: str) -> str:
    """Return the form by which a page is recognized: as `without_tracking`, always https, the host in lower case, no password."""
    parts = urlsplit(url)
    return SplitResult(
        "https", _authority(parts), parts.path or "/", _identifying(parts.query), _route(parts.fragment)
    ).geturl()


def display_url(url: str) -> str:
    """Return the URL without user and password, for messages."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def host_of(url: str) -> str:
    """Return the host's name in lower case, without port."""
    return urlsplit(url).hostname or ""


def _authority(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if parts.port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{parts.port}"


def _identifying(query: str) -> str:
    kept = (pair for pair in query.split("&") if not _TRACKING.fullmatch(pair) and not _FEED_MARK.fullmatch(pair))
    return "&".join(kept)


def _route(fragment: str) -> str:
    # Pages of one application are told apart by a fragment that begins with an exclamation mark.
    return fragment if fragment.startswith("!") else ""
