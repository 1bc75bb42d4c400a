"""Write the Strimzi resources: a KafkaTopic for each topic, and a KafkaUser for each role with exactly its rights.

python -m tests.kubernetes.strimzi
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import yaml

from newsloom.access import ROLES, Resource, Right, Role
from newsloom.log_names import topic_specs
from newsloom.settings import Settings
from newsloom.streaming.log import CleanupPolicy, TopicSpec

COMPONENT: Final = Path(__file__).parents[2] / "deploy" / "kubernetes" / "components" / "strimzi"
API: Final = "kafka.strimzi.io/v1"
LABELS: Final = {"strimzi.io/cluster": "kafka", "app.kubernetes.io/name": "newsloom"}
REPLICAS: Final = 3
IN_SYNC_MIN: Final = 2
NOT_IN_A_RUNNING_SYSTEM: Final = frozenset({"admin", "migrator"})
"""Roles without a KafkaUser: Strimzi creates the topics, and a migrator has rights under a prefix of its own."""

_HEADER: Final = "---\n# Written by `python -m tests.kubernetes.strimzi`.\n"
_KINDS: Final = {Resource.TOPIC: "topic", Resource.GROUP: "group", Resource.TRANSACTIONAL_ID: "transactionalId"}


def kafka_topic(spec: TopicSpec) -> dict[str, Any]:
    """Return the KafkaTopic with the settings that `newsloom topics create` gives the topic."""
    config: dict[str, Any] = {"cleanup.policy": spec.policy.value, "max.message.bytes": spec.max_record_bytes}
    if spec.policy is CleanupPolicy.DELETE:
        config["retention.ms"] = -1 if spec.retention_ms is None else spec.retention_ms
    config["min.insync.replicas"] = IN_SYNC_MIN
    return {
        "apiVersion": API,
        "kind": "KafkaTopic",
        "metadata": {"name": spec.name, "labels": dict(LABELS)},
        "spec": {"partitions": spec.partitions, "replicas": REPLICAS, "config": config},
    }


def kafka_user(role: Role, topic_prefix: str) -> dict[str, Any]:
    """Return the KafkaUser with the rights that `newsloom topics acls` prints for the role."""

    def resource(right: Right) -> tuple[str, str, bool]:
        return _KINDS[right.resource], right.name, right.prefixed

    rights = sorted(role.rights(topic_prefix), key=resource)
    return {
        "apiVersion": API,
        "kind": "KafkaUser",
        "metadata": {"name": f"newsloom-{role.name}", "labels": dict(LABELS)},
        "spec": {
            "authentication": {"type": "scram-sha-512"},
            "authorization": {
                "type": "simple",
                "acls": [
                    {
                        "resource": {"type": kind, "name": name, "patternType": "prefix" if prefixed else "literal"},
                        "operations": [right.operation.value for right in same],
                    }
                    for (kind, name, prefixed), same in groupby(rights, resource)
                ],
            },
        },
    }


def files(settings: Settings) -> dict[Path, str]:
    """Return the text of each file of the component that follows from the tables of topics and roles."""
    roles = [role for role in ROLES if role.name not in NOT_IN_A_RUNNING_SYSTEM]
    return {
        COMPONENT / "topics.yaml": _text(map(kafka_topic, topic_specs(settings))),
        COMPONENT / "users.yaml": _text(kafka_user(role, settings.topic_prefix) for role in roles),
    }


def settings_of_the_component() -> Settings:
    """Return the settings with which the component's topics are made; their numbers of partitions are in its kustomization."""
    literals = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())["configMapGenerator"][0]["literals"]
    values = dict(literal.split("=", 1) for literal in literals)
    return Settings(
        partitions=int(values["NEWSLOOM_PARTITIONS"]), state_partitions=int(values["NEWSLOOM_STATE_PARTITIONS"])
    )


class _IndentedDumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML ships no types
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT - PyYAML's signature
        """Indent the items of a list, as yamllint wants it."""
        super().increase_indent(flow, False)


def _text(resources: Iterable[dict[str, Any]]) -> str:
    documents = (yaml.dump(one, Dumper=_IndentedDumper, sort_keys=False, width=120) for one in resources)
    return _HEADER + "---\n".join(documents)


if __name__ == "__main__":
    for path, text in files(settings_of_the_component()).items():
        path.write_text(text)
