"""The process that applies a robots.txt: `python -m services.feeds.check_robots URL`, the file on standard input.

A process of its own, because a pattern with many wildcards takes exponential time.
"""

from __future__ import annotations

import sys

import msgspec
from protego import Protego

from services.feeds.limited_process import set_limits
from services.feeds.robots_verdict import AGENT, RobotsVerdict


def main(url: str) -> int:
    """Write a `RobotsVerdict` as JSON; return the exit status."""
    set_limits()
    rules = Protego.parse(sys.stdin.buffer.read().decode(errors="replace"))
    verdict = RobotsVerdict(rules.can_fetch(url, AGENT), float(rules.crawl_delay(AGENT) or 0.0))
    sys.stdout.buffer.write(msgspec.json.encode(verdict))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
