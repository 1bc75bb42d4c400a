"""`python -m services.clusterer`: the clusterer as a process."""

from __future__ import annotations

import sys
from datetime import timedelta

from newsloom import service
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.step import Step

RECORDS_MAX = 200
"""Articles in one transaction."""


def build_step(settings: Settings, log: Log) -> Step:
    """The step these settings describe."""
    # Imported here so that a wrong setting is told at once, not after the numerical libraries have been loaded.
    from services.clusterer.core.parameters import Parameters  # noqa: PLC0415
    from services.clusterer.step import ClustererStep  # noqa: PLC0415

    return ClustererStep(settings, log, Parameters(retention=timedelta(days=settings.retention_days)))


def main() -> int:
    """Run until told to stop; returns the exit status."""
    return service.main("clusterer", build_step, records_max=RECORDS_MAX)


if __name__ == "__main__":
    sys.exit(main())
