"""Where a migration goes: its settings, and its topics."""

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


def target_of(
    settings: Settings, prefix: str, *, state_partitions: int | None = None, model: str | None = None
) -> Settings:
    """The settings of the copy; raises ConfigurationError for a prefix that cannot be, or is no other one."""
    if prefix == settings.topic_prefix:
        raise ConfigurationError(
            f"--to-prefix {prefix!r} is the prefix of the topics that are to be migrated: name another one"
        )
    if not PREFIX.fullmatch(prefix):
        raise ConfigurationError(f"--to-prefix {prefix!r} must be at most 64 of the characters a-z A-Z 0-9 . _ -")
    return msgspec.structs.replace(
        settings,
        topic_prefix=prefix,
        state_partitions=state_partitions or settings.state_partitions,
        model=model or settings.model,
    )


def planned_topics(log: Log, settings: Settings, target: Settings) -> list[TopicSpec]:
    """The target's topics: like those that are copied, but for the number of state partitions."""
    specs: dict[str, TopicSpec] = {spec.name: spec for spec in topic_specs(target)}
    for topic in TOPICS:
        if topic.sizing is Sizing.FREE:
            name = topic_name(target, topic)
            partitions = len(topic_partitions(log, topic_name(settings, topic)))
            specs[name] = replace(specs[name], partitions=partitions)
    return list(specs.values())
