"""A module for test_limited_process.py that does what its argument says."""

from __future__ import annotations

import sys

from services.feeds.child_process import EXIT_REFUSED


def main(what: str) -> int:
    data = sys.stdin.buffer.read()
    while what == "time":
        pass
    if what == "memory":
        data *= 100_000
    if what == "defect":
        return 1 // 0
    sys.stdout.write("not for me" if what == "refusal" else data.decode())
    return EXIT_REFUSED if what == "refusal" else 0
