"""Derive the parameters of the core from settings."""

from __future__ import annotations

from datetime import timedelta

from newsloom.settings import Settings
from services.clusterer.core.parameters import Parameters


def parameters_of(settings: Settings) -> Parameters:
    """Return the parameters for these settings."""
    return Parameters(retention=timedelta(days=settings.retention_days)).at_granularity(settings.granularity)
