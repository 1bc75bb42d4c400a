"""The watchdog counts ticks, not seconds."""

from __future__ import annotations

import subprocess
import sys
import threading

from hypothesis import given
from hypothesis import strategies as st

from newsloom.streaming.watchdog import EXIT_STATUS, Watchdog
from tests.failure_lines import failure


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_it_ends_the_process_after_ticks_max_without_a_beat(beats: list[bool], ticks_max: int) -> None:
    hung: list[int] = []
    watchdog = Watchdog(ticks_max=ticks_max, on_hang=lambda: hung.append(1))
    idle = expected = 0
    for beat in beats:
        if beat:
            watchdog.beat()
            idle = 0
        else:
            watchdog.tick()
            idle += 1
            expected += idle >= ticks_max
        assert len(hung) == expected


def test_its_thread_ticks_until_stop() -> None:
    hung = threading.Event()
    watchdog = Watchdog(ticks_max=1, on_hang=hung.set)
    watchdog.start()
    assert hung.wait(30)
    watchdog.stop()


def test_a_hanging_process_ends_with_a_line_and_a_status() -> None:
    code = (
        "from newsloom.service import configure_logging; from newsloom.streaming.watchdog import Watchdog; "
        "configure_logging(); Watchdog(ticks_max=1).tick()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == EXIT_STATUS
    assert failure(ended.stderr).startswith("no progress for 1 s")
