"""The tally as a service process: `python -m tests.unit.streaming.tally_service`.

With NEWSLOOM_TEST_GATE, the path of a FIFO, its start waits until something is written there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreProgress
from services.startup import end_at_signals
from tests.unit.streaming.tally import Tally


def build(_settings: Settings, log: Log, _progress: RestoreProgress) -> Tally:
    if gate := os.environ.get("NEWSLOOM_TEST_GATE"):
        Path(gate).read_text()
    return Tally(log)


if __name__ == "__main__":
    end_at_signals()
    sys.exit(main("tally", build, records_max=3))
