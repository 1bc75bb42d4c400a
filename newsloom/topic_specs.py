"""The contract's topics as they stand on a log: with a prefix and a number of partitions."""

from __future__ import annotations

from newsloom.contracts.topics import TOPICS, Sizing, TopicDefinition
from newsloom.settings import Settings
from newsloom.streaming.log import CleanupPolicy, TopicSpec


def topic_name(settings: Settings, topic: TopicDefinition) -> str:
    """The topic's full name."""
    return settings.topic_prefix + topic.name


def state_topic_names(settings: Settings) -> list[str]:
    """The topics whose partition counts must agree."""
    return [topic_name(settings, topic) for topic in TOPICS if topic.sizing is Sizing.STATE]


def topic_specs(settings: Settings) -> tuple[TopicSpec, ...]:
    """Every topic as it should be under these settings."""
    return tuple(_spec(settings, topic) for topic in TOPICS)


def _spec(settings: Settings, topic: TopicDefinition) -> TopicSpec:
    return TopicSpec(
        name=topic_name(settings, topic),
        partitions=settings.state_partitions if topic.sizing is Sizing.STATE else settings.partitions,
        policy=CleanupPolicy.COMPACT if topic.compacted else CleanupPolicy.DELETE,
        retention_ms=topic.retention_ms,
        max_record_bytes=topic.max_record_bytes,
    )
