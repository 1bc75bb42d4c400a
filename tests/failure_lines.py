"""Read why service processes have ended, from what they have logged."""

from __future__ import annotations

import json


def failures(stderr: str) -> list[str]:
    """Return the errors with which services say why they end, in order."""
    events = [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
    return [event["error"] for event in events if event["event"] == "service.failed"]


def failure(stderr: str) -> str:
    """Return the error of the one service that has ended."""
    (error,) = failures(stderr)
    return error
