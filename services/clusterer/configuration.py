"""From settings to the core's parameters."""

from __future__ import annotations

from datetime import timedelta

from newsloom.settings import Settings
from services.clusterer.core.parameters import Parameters


def parameters_of(settings: Settings) -> Parameters:
    """The parameters that these settings ask for."""
    return Parameters(retention=timedelta(days=settings.retention_days)).at_granularity(settings.granularity)
