"""Start a trace for each article and command that enters: W3C Trace Context."""

from __future__ import annotations

import secrets


def new_traceparent() -> str:
    """Return the `traceparent` header of a new, sampled trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
