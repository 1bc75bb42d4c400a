"""Check that the topics have the settings that the services need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Admin, TopicSpec

COMPRESSION: Final = "compression.type"
READABLE_COMPRESSION: Final = ("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd")
CREATE = "run `newsloom topics create`"


def topic_problems(admin: Admin, specs: Sequence[TopicSpec], same_partitions: Sequence[str]) -> list[str]:
    """Return one line for each problem of the topics.

    The topics in `same_partitions` must have the same number of partitions.
    """
    found = admin.describe([spec.name for spec in specs])
    problems = _missing([spec.name for spec in specs if spec.name not in found])
    for spec in specs:
        actual = found.get(spec.name)
        if actual is not None and actual.policy is not spec.policy:
            problems.append(
                f"topic {spec.name} has cleanup policy {actual.policy.value}, needs {spec.policy.value}: "
                f"set cleanup.policy={spec.policy.value} on it"
            )
        compression = "" if actual is None else actual.config.get(COMPRESSION, "")
        if compression and compression not in READABLE_COMPRESSION:
            problems.append(
                f"topic {spec.name} has {COMPRESSION}={compression}, which newsloom cannot read: "
                f"set it to one of {', '.join(READABLE_COMPRESSION)}"
            )
    counts = {name: found[name].partitions for name in same_partitions if name in found}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        problems.append(
            f"{listed} partitions; they must have the same number, because an engine restores from the partition it reads: "
            "create them under another NEWSLOOM_TOPIC_PREFIX and ingest again"
        )
    return problems


def _missing(names: list[str]) -> list[str]:
    if not names:
        return []
    topics, do = ("topic", "does") if len(names) == 1 else ("topics", "do")
    return [f"{topics} {', '.join(names)} {do} not exist: {CREATE}"]


def check_topics(admin: Admin, specs: Sequence[TopicSpec], same_partitions: Sequence[str]) -> None:
    """Raise a `ConfigurationError` that lists the problems of the topics, if there are any."""
    problems = topic_problems(admin, specs, same_partitions)
    if problems:
        raise ConfigurationError("; ".join(problems))
