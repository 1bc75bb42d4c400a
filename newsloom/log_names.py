"""Names of an installation's topics and groups, with its prefix, and the settings of its topics."""

from __future__ import annotations

from collections.abc import Iterable

from newsloom.contracts.pipeline import TOPICS
from newsloom.contracts.topics import Sizing, TopicDefinition
from newsloom.settings import Settings
from newsloom.streaming.log import CleanupPolicy, TopicSpec


def topic_name(settings: Settings, topic: TopicDefinition) -> str:
    """Return the topic's full name."""
    return settings.topic_prefix + topic.name


def topic_names(settings: Settings, topics: Iterable[TopicDefinition]) -> list[str]:
    """Return the topics' full names, in the same order."""
    return [topic_name(settings, topic) for topic in topics]


def group_name(settings: Settings, service: str) -> str:
    """Return the consumer group of a service."""
    return settings.topic_prefix + service


def state_topic_names(settings: Settings) -> list[str]:
    """Return the topics that must have the same number of partitions."""
    return topic_names(settings, (topic for topic in TOPICS if topic.sizing is Sizing.STATE))


def topic_specs(settings: Settings) -> tuple[TopicSpec, ...]:
    """Return every topic with the partitions and limits that it should have."""
    return tuple(_spec(settings, topic) for topic in TOPICS)


def _spec(settings: Settings, topic: TopicDefinition) -> TopicSpec:
    return TopicSpec(
        name=topic_name(settings, topic),
        partitions=settings.state_partitions if topic.sizing is Sizing.STATE else settings.partitions,
        policy=CleanupPolicy.COMPACT if topic.compacted else CleanupPolicy.DELETE,
        retention_ms=topic.retention_ms,
        max_record_bytes=topic.max_record_bytes,
    )
