"""Are the topics what the services need them to be?"""

from __future__ import annotations

from collections.abc import Sequence

from newsloom.streaming.errors import ConfigurationError
from newsloom.streaming.log import Admin, TopicSpec

CREATE = "run `newsloom topics create`"


def topic_problems(admin: Admin, specs: Sequence[TopicSpec], same_partitions: Sequence[str]) -> list[str]:
    """What is wrong with the topics, a line each; empty if nothing is.

    `same_partitions` names the topics whose partition counts must agree with one another.
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
    counts = {name: found[name].partitions for name in same_partitions if name in found}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        problems.append(
            f"{listed} partitions; they must have the same number, because an engine restores from the partition it reads: "
            "create them anew under another NEWSLOOM_TOPIC_PREFIX and ingest again"
        )
    return problems


def _missing(names: list[str]) -> list[str]:
    if not names:
        return []
    topics, do = ("topic", "does") if len(names) == 1 else ("topics", "do")
    return [f"{topics} {', '.join(names)} {do} not exist: {CREATE}"]


def check_rights(admin: Admin, *, read: Sequence[str], write: Sequence[str]) -> None:
    """Raise `ConfigurationError` that lists the rights on these topics that this process lacks, if there are any."""
    missing = admin.missing_rights(read=read, write=write)
    if missing:
        raise ConfigurationError(
            f"the user lacks the right {', '.join(missing)}: grant it (`newsloom topics acls` prints the commands)"
        )


def check_topics(admin: Admin, specs: Sequence[TopicSpec], same_partitions: Sequence[str]) -> None:
    """Raise `ConfigurationError` that lists what is wrong with the topics, if anything is."""
    problems = topic_problems(admin, specs, same_partitions)
    if problems:
        raise ConfigurationError("; ".join(problems))
