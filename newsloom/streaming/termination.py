"""Say why a process ends: in its log, and to Kubernetes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

TERMINATION_MESSAGE: Final = Path("/dev/termination-log")
"""Kubernetes makes this file in each container and shows it in the pod's status: `terminationMessagePath`."""
CHARACTERS_MAX: Final = 2_000

_log = structlog.get_logger("newsloom.service")


def report_failure(error: str, *, service: str, status: int, file: Path = TERMINATION_MESSAGE) -> None:
    """Log why the process ends with this exit status, and write it to `file` if that exists."""
    _log.error("service.failed", service=service, status=status, error=error)
    if file.exists():
        # A reason that cannot be written is in the log.
        with suppress(OSError):
            file.write_text(error[:CHARACTERS_MAX])
