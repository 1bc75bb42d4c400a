"""Choose the backend that runs a model. None is imported before the model is found, so a wrong name fails at once."""

from __future__ import annotations

from services.embedder.encoder import Encoder
from services.embedder.model_files import find_model
from services.garbage_collection import gc_suspended


def load_encoder(name: str) -> Encoder:
    """Find the model of this name and load it.

    Raises:
        ConfigurationError: the model does not exist or cannot be loaded.

    """
    model = find_model(name)
    # The libraries take seconds to import, a fifth less without collections.
    with gc_suspended():
        from services.embedder.sentence_encoder import open_encoder  # noqa: PLC0415

        return open_encoder(model)
