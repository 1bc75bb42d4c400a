"""The tally as a service process: `python -m tests.unit.streaming.tally_service`."""

from __future__ import annotations

import sys

from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreProgress
from services.startup import end_at_signals
from tests.unit.streaming.tally import Tally


def build(_settings: Settings, log: Log, _progress: RestoreProgress) -> Tally:
    return Tally(log)


if __name__ == "__main__":
    end_at_signals()
    sys.exit(main("tally", build, records_max=3))
