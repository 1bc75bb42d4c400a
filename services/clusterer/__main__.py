"""`python -m services.clusterer`: the clusterer as a process."""

from __future__ import annotations

import os
import sys

import structlog

from newsloom.contracts.pipeline import CLUSTERER
from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step

_log = structlog.get_logger("newsloom.clusterer")

# Before NumPy is loaded, which reads it then. Products of one article's size are over before a second thread has begun.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

RECORDS_MAX = 200
"""Articles in one transaction."""


def build_step(settings: Settings, log: Log, restore_progress: RestoreProgress) -> Step:
    """The step these settings describe; raises ConfigurationError."""
    # Imported here so that a wrong setting or a signal is answered at once, not after FAISS and HDBSCAN have been loaded.
    from services.clusterer.calibration_files import load_calibration  # noqa: PLC0415
    from services.clusterer.configuration import parameters_of  # noqa: PLC0415
    from services.clusterer.step import ClustererStep  # noqa: PLC0415

    calibration = load_calibration(settings)
    if calibration is None:
        _log.warning(
            "calibration.missing", model=settings.model, effect="bars stand on the default model's similarities"
        )
    return ClustererStep(settings, log, calibration, parameters_of(settings), restore_progress)


if __name__ == "__main__":
    sys.exit(main(CLUSTERER.name, build_step, records_max=RECORDS_MAX))
