"""The embedder as a service."""

from __future__ import annotations

from typing import Final

import structlog

from newsloom.contracts.pipeline import EMBEDDER
from newsloom.service import main
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreProgress
from newsloom.streaming.step import Step
from services.embedder.backends import load_encoder
from services.embedder.step import EmbedderStep
from services.embedder.vector_cache import CachingEncoder

_logger = structlog.get_logger("newsloom.embedder")

RECORDS_MAX: Final = 64
"""Records in one transaction: about two seconds of work on two cores."""


def build_step(settings: Settings, _log: Log, progress: RestoreProgress) -> Step:
    """Build the step with the model of the settings. Raises `ConfigurationError`."""
    encoder = load_encoder(settings.model, settings.backend, settings.model_cache)
    _logger.info("encoder.loaded", model=encoder.model, backend=encoder.backend, setting=settings.backend)
    return EmbedderStep(settings, CachingEncoder(encoder, progress.metrics.registry))


def run() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    return main(EMBEDDER.name, build_step, records_max=RECORDS_MAX)
