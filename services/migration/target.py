"""The target of a migration: its settings and its topics."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import msgspec

from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.topics import Sizing
from newsloom.log_names import topic_name, topic_specs
from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Log, TopicSpec
from newsloom.streaming.scan import topic_partitions

PREFIX: Final = re.compile(r"[a-zA-Z0-9._-]{0,64}")


def target_settings(
    settings: Settings, prefix: str, *, state_partitions: int | None = None, model: str | None = None
) -> Settings:
    """Return the settings of the copy; raise `ConfigurationError` for an invalid prefix or that of the original."""
    if prefix == settings.topic_prefix:
        raise ConfigurationError(f"--to-prefix {prefix!r} is the prefix of the topics to be copied: choose another one")
    if not PREFIX.fullmatch(prefix):
        raise ConfigurationError(f"--to-prefix {prefix!r} must be at most 64 of the characters a-z A-Z 0-9 . _ -")
    return msgspec.structs.replace(
        settings,
        topic_prefix=prefix,
        state_partitions=state_partitions or settings.state_partitions,
        model=model or settings.model,
    )


def target_topics(log: Log, settings: Settings, target: Settings) -> list[TopicSpec]:
    """Return the target's topics: each with as many partitions as its original, except the state topics."""
    specs: dict[str, TopicSpec] = {spec.name: spec for spec in topic_specs(target)}
    for topic in TOPICS:
        if topic.sizing is Sizing.FREE:
            name = topic_name(target, topic)
            partitions = len(topic_partitions(log, topic_name(settings, topic)))
            specs[name] = replace(specs[name], partitions=partitions)
    return list(specs.values())
