"""The clusterer as a service."""

from __future__ import annotations

import os
from typing import Final

import structlog

from newsloom.contracts.pipeline import CLUSTERER
from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step

_log = structlog.get_logger("newsloom.clusterer")

# Set it before NumPy is loaded, which reads it then. Products of one article's size are done before a second thread starts.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

RECORDS_MAX: Final = 200
"""Records in one transaction."""


def build_step(settings: Settings, log: Log, restore_progress: RestoreProgress) -> Step:
    """Build the clusterer's step; raises ConfigurationError."""
    # Import late: loading FAISS and HDBSCAN takes seconds, and a wrong setting should end the service at once.
    from services.clusterer.calibration_files import load_calibration  # noqa: PLC0415
    from services.clusterer.configuration import parameters_of  # noqa: PLC0415
    from services.clusterer.step import ClustererStep  # noqa: PLC0415

    calibration = load_calibration(settings)
    if calibration is None:
        _log.warning("calibration.missing", model=settings.model, effect="the bars were tuned for the default model")
    return ClustererStep(settings, log, calibration, parameters_of(settings), restore_progress)


def run() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    return main(CLUSTERER.name, build_step, records_max=RECORDS_MAX)
