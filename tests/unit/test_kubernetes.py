"""The Kubernetes manifests have no lint errors and agree with the code: a new service, topic or right fails here first."""

from __future__ import annotations

import functools
import ipaddress
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from newsloom.access import ROLES
from newsloom.contracts.pipeline import EMBEDDER, SERVICES, STORYPAGE, SUBSCRIBERS, TOPICS
from newsloom.contracts.topics import ARTICLES
from newsloom.log_names import group_name, topic_name
from newsloom.settings import Settings, load_settings
from newsloom.streaming.kafka.options import parse_addresses, parse_options
from newsloom.streaming.watchdog import START_TICKS_MAX, TICK_S, TICKS_MAX, healthy_ticks
from services.feeds.feed_list import load_feeds
from tests.kubernetes.strimzi import NOT_IN_A_RUNNING_SYSTEM, files, settings_of_the_component
from tests.unit.test_deploy import YAML_RULES, stages
from tests.unit.test_metrics import exported_series

ROOT: Final = Path(__file__).parents[2]
KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
NAMES: Final = tuple(service.name for service in (*SERVICES, *SUBSCRIBERS))
MANIFESTS: Final = {
    **{name: f"base/{name}.yaml" for name in NAMES},
    "feeds": "components/feeds/feeds.yaml",
    "ingest": "components/ingest/ingest.yaml",
}
"""What runs as pods until it is stopped -> its manifests."""
USERS: Final = {**{name: name for name in NAMES}, "ingest": "ingest"}
"""A patch of components/strimzi -> the role whose Kafka user the pods are."""
METRICS_PORT: Final = 9464
DEREGISTERED_S: Final = 5
"""How long nodes may send requests to a pod that ends."""


@functools.cache
def load(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((KUBERNETES / path).read_text()))


def only(path: str, kind: str) -> dict[str, Any]:
    (found,) = (one for one in load(path) if one["kind"] == kind)
    return found


def workload(service: str) -> dict[str, Any]:
    (found,) = (one for one in load(MANIFESTS[service]) if one["kind"] in {"StatefulSet", "Deployment"})
    return found


def pod(service: str) -> dict[str, Any]:
    spec: dict[str, Any] = workload(service)["spec"]["template"]["spec"]
    return spec


def container(service: str) -> dict[str, Any]:
    (found,) = pod(service)["containers"]
    assert isinstance(found, dict)
    return found


def literals(path: str) -> dict[str, str]:
    (generator,) = load(path)[0]["configMapGenerator"]
    return dict(literal.split("=", 1) for literal in generator["literals"])


@pytest.mark.parametrize("path", sorted(KUBERNETES.rglob("*.yaml")), ids=lambda path: str(path.relative_to(KUBERNETES)))
def test_yaml_has_no_lint_errors(path: Path) -> None:
    assert [str(problem) for problem in linter.run(path.read_text(), YamlLintConfig(YAML_RULES), str(path))] == []


def test_every_service_is_in_the_base_and_has_an_image() -> None:
    assert {f"{name}.yaml" for name in NAMES} | {"topics.yaml"} == set(load("base/kustomization.yaml")[0]["resources"])
    assert {container(name)["image"] for name in NAMES} == {f"newsloom-{name}" for name in NAMES}
    assert set(NAMES) <= set(stages())


@pytest.mark.parametrize("name", NAMES)
def test_the_pods_name_is_the_instance(name: str) -> None:
    variables = {variable["name"]: variable for variable in container(name)["env"]}
    assert variables["NEWSLOOM_INSTANCE"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert int(variables["NEWSLOOM_METRICS_PORT"]["value"]) == METRICS_PORT
    assert {"name": "metrics", "containerPort": METRICS_PORT} in container(name)["ports"]


def test_only_the_story_page_has_a_port_for_readers() -> None:
    ports = {name: [port["name"] for port in container(name)["ports"]] for name in NAMES}
    assert {name for name, found in ports.items() if "http" in found} == {STORYPAGE.name}
    variables = {one["name"]: one.get("value") for one in container(STORYPAGE.name)["env"]}
    assert {"name": "http", "containerPort": int(variables["NEWSLOOM_PAGE_PORT"] or 0)} in container(STORYPAGE.name)[
        "ports"
    ]
    assert [port["targetPort"] for port in only("base/storypage.yaml", "Service")["spec"]["ports"]] == [
        "http",
        "metrics",
    ]


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_pod_has_time_for_its_current_batch_and_no_unneeded_rights(name: str) -> None:
    assert pod(name)["terminationGracePeriodSeconds"] > TICKS_MAX * TICK_S
    assert pod(name)["enableServiceLinks"] is False
    assert pod(name)["automountServiceAccountToken"] is False
    assert container(name)["securityContext"]["readOnlyRootFilesystem"] is True
    assert container(name)["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert set(container(name)["resources"]) == {"requests", "limits"}


@pytest.mark.parametrize("name", MANIFESTS)
def test_probes_ask_the_metrics_port(name: str) -> None:
    paths = {probe: container(name)[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert {probe: get["port"] for probe, get in paths.items()} == dict.fromkeys(paths, "metrics")
    assert {probe: get["path"] for probe, get in paths.items()} == {
        "startupProbe": "/startupz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_kubelet_ends_a_hanging_service_before_the_watchdog_does(name: str) -> None:
    ticks_max = START_TICKS_MAX if name == "feeds" else TICKS_MAX
    probe = container(name)["livenessProbe"]
    probed_s = probe["failureThreshold"] * (probe["periodSeconds"] + probe["timeoutSeconds"])
    unhealthy_s = healthy_ticks(ticks_max) * TICK_S
    assert unhealthy_s + probed_s + probe["terminationGracePeriodSeconds"] < ticks_max * TICK_S


@pytest.mark.parametrize("name", [name for name in MANIFESTS if name != "feeds"])
def test_budget_service_and_spread_select_the_pods(name: str) -> None:
    budget, service = (only(MANIFESTS[name], kind) for kind in ("PodDisruptionBudget", "Service"))
    labels = workload(name)["spec"]["template"]["metadata"]["labels"]
    assert workload(name)["spec"]["selector"]["matchLabels"] == labels
    assert budget["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == labels
    if workload(name)["kind"] == "StatefulSet":
        assert workload(name)["spec"]["serviceName"] == service["metadata"]["name"]
    spread = {one["topologyKey"]: one["labelSelector"]["matchLabels"] for one in pod(name)["topologySpreadConstraints"]}
    assert spread == {"topology.kubernetes.io/zone": labels, "kubernetes.io/hostname": labels}


def test_the_pod_of_the_feeds_follows_the_list_of_the_overlay() -> None:
    (mount,) = (one for one in container("feeds")["volumeMounts"] if one["name"] == "list")
    (volume,) = (one for one in pod("feeds")["volumes"] if one["name"] == "list")
    (generator,) = load("overlays/production/kustomization.yaml")[0]["configMapGenerator"]
    assert generator == {"name": volume["configMap"]["name"], "files": ["feeds.toml"]}
    assert container("feeds")["args"] == ["ingest", f"{mount['mountPath']}/feeds.toml", "--follow"]
    assert load_feeds(KUBERNETES / "overlays/production/feeds.toml")
    # Two processes that read one feed fence each other.
    assert (workload("feeds")["kind"], workload("feeds")["spec"]["replicas"]) == ("StatefulSet", 1)


def test_the_pods_for_requests_listen_where_their_service_sends_them() -> None:
    (port,) = (one["containerPort"] for one in container("ingest")["ports"] if one["name"] == "http")
    assert container("ingest")["args"] == ["ingest", "--listen", f"0.0.0.0:{port}"]
    assert [one["targetPort"] for one in only(MANIFESTS["ingest"], "Service")["spec"]["ports"]] == ["http", "metrics"]


@pytest.mark.parametrize("name", ["ingest", STORYPAGE.name])
def test_a_pod_with_clients_is_taken_out_of_its_service_before_it_ends(name: str) -> None:
    assert container(name)["lifecycle"]["preStop"]["sleep"]["seconds"] >= DEREGISTERED_S


def test_settings_are_known_and_valid() -> None:
    base, strimzi = literals("base/kustomization.yaml"), literals("components/strimzi/kustomization.yaml")
    for changed in ({}, literals("overlays/local/kustomization.yaml"), strimzi):
        settings = load_settings({**base, **changed})
        options = {**settings.kafka, "sasl_plain_username": "any"} if changed is strimzi else settings.kafka
        assert parse_addresses(settings.log)
        parse_options(options)


# --- Strimzi


def test_topics_and_users_are_those_of_the_code() -> None:
    for path, text in files(settings_of_the_component()).items():
        assert path.read_text() == text, "run `python -m tests.kubernetes.strimzi`"


def test_every_topic_has_a_kafka_topic() -> None:
    found = {one["metadata"]["name"] for one in load("components/strimzi/topics.yaml")}
    assert found == {topic_name(Settings(), topic) for topic in TOPICS}


@pytest.mark.parametrize(
    "role", [role for role in ROLES if role.name not in NOT_IN_A_RUNNING_SYSTEM], ids=lambda role: role.name
)
def test_a_kafka_user_has_exactly_the_rights_of_its_role(role: Any) -> None:
    (user,) = (
        one for one in load("components/strimzi/users.yaml") if one["metadata"]["name"] == f"newsloom-{role.name}"
    )
    granted = {
        (
            operation,
            acl["resource"]["type"].replace("transactionalId", "transactional-id"),
            acl["resource"]["name"],
            acl["resource"]["patternType"] == "prefix",
        )
        for acl in user["spec"]["authorization"]["acls"]
        for operation in acl["operations"]
    }
    assert granted == {
        (right.operation.value, right.resource.value, right.name, right.prefixed) for right in role.rights("news.")
    }


@pytest.mark.parametrize("name", USERS)
def test_a_service_connects_as_its_own_user(name: str) -> None:
    (patch,) = load(f"components/strimzi/{name}-user.yaml")
    spec = patch["spec"]["template"]["spec"]
    secrets = {volume["name"]: volume["secret"] for volume in spec["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    settings = literals("components/strimzi/kustomization.yaml")
    assert spec["containers"][0]["name"] == container(name)["name"]
    assert spec["containers"][0]["env"] == [
        {"name": "NEWSLOOM_KAFKA_SASL_PLAIN_USERNAME", "value": f"newsloom-{USERS[name]}"}
    ]
    assert secrets["user"]["secretName"] == f"newsloom-{USERS[name]}"
    for volume, setting in (("user", "SASL_PLAIN_PASSWORD_FILE"), ("ca", "SSL_CAFILE")):
        (item,) = secrets[volume]["items"]
        assert f"{mounts[volume]}/{item['path']}" == settings[f"NEWSLOOM_KAFKA_{setting}"]


# --- scaling, alerts, network


def test_feeds_and_requests_connect_as_the_user_ingest() -> None:
    patches = load("components/strimzi/kustomization.yaml")[0]["patches"]
    targets = {one["target"]["name"]: one["target"]["kind"] for one in patches if one.get("path") == "ingest-user.yaml"}
    assert targets == {workload(name)["metadata"]["name"]: workload(name)["kind"] for name in ("feeds", "ingest")}
    assert {container(name)["name"] for name in ("feeds", "ingest")} == {"ingest"}


def test_embedders_scale_up_to_the_partitions_and_above_the_markers() -> None:
    spec = only("components/keda/scaledobject.yaml", "ScaledObject")["spec"]
    settings = literals("components/strimzi/kustomization.yaml")
    (trigger,) = spec["triggers"]
    partitions = int(settings["NEWSLOOM_PARTITIONS"])
    assert spec["scaleTargetRef"]["name"] == only("base/embedder.yaml", "StatefulSet")["metadata"]["name"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, partitions)
    # Between two articles each partition ends with the marker of the last transaction.
    assert int(trigger["metadata"]["lagThreshold"]) > partitions
    assert trigger["metadata"]["topic"] == topic_name(Settings(), ARTICLES)
    assert trigger["metadata"]["consumerGroup"] == group_name(Settings(), EMBEDDER.name)
    assert f"kafka://{trigger['metadata']['bootstrapServers']}" == settings["NEWSLOOM_LOG"]


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "100.64.1.1", "127.0.0.1", "169.254.169.254", "172.20.0.1", "192.168.1.1"]
)
def test_a_feed_cannot_lead_the_pod_to_a_private_address(address: str) -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in load("components/networkpolicy/networkpolicies.yaml")}
    policy = policies["newsloom-feeds"]
    assert policy["podSelector"]["matchLabels"] == workload("feeds")["spec"]["selector"]["matchLabels"]
    for block in (destination["ipBlock"] for rule in policy["egress"] for destination in rule["to"]):
        excluded = [ipaddress.ip_network(network) for network in block["except"]]
        is_inside = ipaddress.ip_address(address) in ipaddress.ip_network(block["cidr"])
        assert not is_inside or any(ipaddress.ip_address(address) in network for network in excluded)


def rules() -> list[dict[str, Any]]:
    """Return the rules of all groups, in order."""
    groups = only("components/monitoring/prometheusrule.yaml", "PrometheusRule")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_name_metrics_that_exist() -> None:
    known = exported_series() | {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        named = set(re.findall(r"newsloom[\w:]+", rule["expr"]))
        assert named, rule
        assert named <= known


def test_every_alert_has_a_runbook() -> None:
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), flags=re.MULTILINE)
    for rule in rules():
        if "alert" in rule:
            assert rule["alert"] in headings
            assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_network_policies_allow_the_ports_of_the_log_and_of_the_metrics() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in load("components/networkpolicy/networkpolicies.yaml")}
    open_ports = {port["port"] for rule in policies["newsloom-kafka"]["egress"] for port in rule["ports"]}
    overlays = ("overlays/local/kustomization.yaml", "components/strimzi/kustomization.yaml")
    logs = [literals(path)["NEWSLOOM_LOG"] for path in overlays]
    assert open_ports == {port for log in logs for _, port in parse_addresses(log)}
    assert [rule["ports"][0]["port"] for rule in policies["newsloom-metrics"]["ingress"]] == ["metrics"]
    page = policies.pop("newsloom-storypage")
    assert page["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == STORYPAGE.name
    assert [rule["ports"][0]["port"] for rule in page["ingress"]] == ["http"]
    requests = policies.pop("newsloom-ingest")
    assert requests["podSelector"]["matchLabels"] == workload("ingest")["spec"]["selector"]["matchLabels"]
    assert [rule["ports"][0]["port"] for rule in requests["ingress"]] == ["http"]
    del policies["newsloom-feeds"]
    selected = {tuple(spec["podSelector"]["matchLabels"].items()) for spec in policies.values()}
    assert selected == {(("app.kubernetes.io/name", "newsloom"),)}
