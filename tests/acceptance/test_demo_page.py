"""`newsloom demo --page`: the stories can be read while they grow, and Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.unit.storypage.page_process import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DEADLINE_S = 200.0


def test_the_demos_stories_grow_on_the_page_until_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
    command = [sys.executable, "-m", "services.cli", "demo", "--page", str(port)]
    with subprocess.Popen(
        command, env={**environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        sizes = set[int]()
        until = time.monotonic() + DEADLINE_S
        while len(sizes) < 3 and time.monotonic() < until and demo.poll() is None:
            sizes.add(largest(port))
        demo.send_signal(signal.SIGINT)
        printed, _ = demo.communicate(timeout=DEADLINE_S)
    assert len(sizes) >= 3, printed
    assert f"Open http://127.0.0.1:{port}/ and watch the stories grow. Ctrl-C ends the demo." in printed
    # On a slow machine, all lines are sent before three sizes are seen.
    assert (demo.returncode, "stopped" in printed) in {(130, True), (0, False)}, printed


def largest(port: int) -> int:
    """Return the number of articles of the largest story; 0 as long as there is none."""
    try:
        stories = httpx2.get(f"http://127.0.0.1:{port}/api/stories?order=large&limit=1").json()["stories"]
    except httpx2.TransportError:
        return 0
    return int(stories[0]["article_count"]) if stories else 0
