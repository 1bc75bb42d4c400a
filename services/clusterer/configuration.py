"""Derive the parameters of the core from settings."""

from __future__ import annotations

from datetime import timedelta

from newsloom.settings import Settings
from services.clusterer.core.parameters import Parameters


def parameters_of(settings: Settings) -> Parameters:
    """Return the parameters for these settings."""
    parameters = Parameters(
        retention=timedelta(days=settings.retention_days), comparable_articles=settings.comparable_articles
    )
    return parameters.at_granularity(settings.granularity)
