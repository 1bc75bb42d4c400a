"""Wiring: from settings and an encoder to the step."""

from __future__ import annotations

from newsloom.contracts.topics import ARTICLE_VECTORS, ARTICLES, STORY_COMMANDS
from newsloom.settings import Settings
from newsloom.streaming.log import Log
from newsloom.streaming.restore import RestoreWatch
from newsloom.streaming.step import Step
from newsloom.topic_specs import topic_name
from services.embedder.encoder import Encoder
from services.embedder.model_files import find_model
from services.embedder.step import EmbedderStep


def build_step(settings: Settings, encoder: Encoder) -> Step:
    """The embedder's step on these topics, with this encoder."""
    return EmbedderStep(
        encoder,
        articles_topic=topic_name(settings, ARTICLES),
        commands_topic=topic_name(settings, STORY_COMMANDS),
        vectors_topic=topic_name(settings, ARTICLE_VECTORS),
    )


def build(settings: Settings, _log: Log, _watch: RestoreWatch) -> Step:
    """The embedder's step with the model that the settings name; raises ConfigurationError."""
    model = find_model(settings.model)
    # Imported here so that a wrong setting is told at once, not after torch has been loaded.
    from services.embedder.sentence_encoder import open_encoder  # noqa: PLC0415

    return build_step(settings, open_encoder(model))
