"""End a service at a signal while it starts. Imports only what the interpreter has loaded: it is called before all else."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def end_at_signals() -> None:
    """Let SIGTERM and SIGINT end this process at once with status 0. A signal that came while they were blocked ends it too.

    A process with PID 1 loses each signal that it does not handle. Therefore the images start the interpreter with both signals
    blocked (`env --block-signal`): one that arrives meanwhile waits for this call.
    """
    for number in SIGNALS:
        signal.signal(number, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end(_number: int, _frame: FrameType | None) -> None:
    # Not SystemExit: a module that is being imported may catch it. Nothing is open yet that has to be closed.
    os._exit(0)
