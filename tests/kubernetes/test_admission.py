"""A real API server accepts every overlay, and admits its pods to a namespace with the level `restricted`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from newsloom.contracts.pipeline import SERVICES, SUBSCRIBERS
from tests.kubernetes.cluster import NAMESPACE, OVERLAYS, Cluster, parse, render

NAMES = sorted(path.parent.name for path in OVERLAYS.glob("*/kustomization.yaml"))

pytestmark = pytest.mark.slow


def kubeconform(home: Path, manifests: str) -> subprocess.CompletedProcess[str]:
    schemas = f"{home}/schemas/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    command = [str(home / "bin/kubeconform"), "-strict", "-summary", "-schema-location", schemas]
    return subprocess.run(command, input=manifests, capture_output=True, text=True, check=False)


@pytest.fixture
def production(cluster: Cluster) -> str:
    """The overlay with every component, its namespace created."""
    manifests = render("production")
    (namespace,) = (one for one in parse(manifests) if one["kind"] == "Namespace")
    cluster.kubectl("apply", "-f", "-", manifests=json.dumps(namespace))
    return manifests


@pytest.mark.parametrize("overlay", NAMES)
def test_kubeconform_accepts_it(kubernetes_home: Path, overlay: str) -> None:
    result = kubeconform(kubernetes_home, render(overlay))
    assert result.returncode == 0, result.stdout
    assert "Invalid: 0, Errors: 0, Skipped: 0" in result.stdout


def test_kubeconform_refuses_a_misspelt_field(kubernetes_home: Path) -> None:
    result = kubeconform(kubernetes_home, render("local").replace("readinessProbe:", "readynessProbe:"))
    assert result.returncode != 0
    assert "readynessProbe" in result.stdout


def test_the_server_accepts_every_resource_of_production(cluster: Cluster, production: str) -> None:
    answer = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", manifests=production)
    assert len(answer.splitlines()) == len(parse(production))


@pytest.mark.parametrize(
    ("field", "misspelt"),
    [("terminationGracePeriodSeconds", "terminationGraceSeconds"),
     ("patternType: prefix", "patternType: prefixed"), ("maxReplicaCount", "maxReplicas"), ("podMetricsEndpoints", "endpoints")],
)  # fmt: skip
def test_the_server_refuses_a_misspelt_field(cluster: Cluster, production: str, field: str, misspelt: str) -> None:
    assert field in production
    wrong = production.replace(field, misspelt)
    result = cluster.try_kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", manifests=wrong)
    assert result.returncode != 0
    assert misspelt.rpartition(" ")[2] in result.stderr


def test_the_pods_are_admitted_and_a_rollout_ends(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", "-", manifests=render("local"))
    for service in (*SERVICES, *SUBSCRIBERS):
        cluster.kubectl("-n", NAMESPACE, "rollout", "status", f"statefulset/newsloom-{service.name}", "--timeout=60s")
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=complete", "job/newsloom-topics", "--timeout=60s")
    # A warning of the level `restricted` does not stop a rollout, a refused pod does: it is an event.
    events = cluster.kubectl("-n", NAMESPACE, "get", "events", "--field-selector=type=Warning", "-o", "name")
    assert events == ""


def test_a_pod_with_more_privileges_is_refused(cluster: Cluster) -> None:
    namespace, *rest = parse(render("local"))
    cluster.kubectl("apply", "-f", "-", manifests=json.dumps(namespace))
    (clusterer,) = (
        one for one in rest if one["metadata"]["name"] == "newsloom-clusterer" and one["kind"] == "StatefulSet"
    )
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "privileged", "namespace": NAMESPACE},
        "spec": clusterer["spec"]["template"]["spec"],
    }
    del pod["spec"]["containers"][0]["securityContext"]["capabilities"]
    result = cluster.try_kubectl("create", "--dry-run=server", "-f", "-", manifests=json.dumps(pod))
    assert result.returncode != 0
    assert 'violates PodSecurity "restricted' in result.stderr


def test_a_drain_evicts_one_pod_of_a_service_at_a_time(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", "-", manifests=render("local"))
    cluster.kubectl("-n", NAMESPACE, "scale", "statefulset/newsloom-clusterer", "--replicas=2")
    cluster.kubectl("-n", NAMESPACE, "rollout", "status", "statefulset/newsloom-clusterer", "--timeout=60s")
    # The simulated nodes keep a pod with this label from becoming ready: it is the one that a drain has just moved.
    cluster.kubectl("-n", NAMESPACE, "label", "pod/newsloom-clusterer-0", "fake.local/ready=false")
    unready = ("wait", "--for=condition=Ready=false", "pod/newsloom-clusterer-0", "--timeout=30s")
    cluster.kubectl("-n", NAMESPACE, *unready)
    refused = evict(cluster, "newsloom-clusterer-1")
    assert refused.returncode != 0
    assert "Cannot evict pod as it would violate the pod's disruption budget" in refused.stderr
    cluster.kubectl("-n", NAMESPACE, "label", "pod/newsloom-clusterer-0", "fake.local/ready-")
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/newsloom-clusterer-0", "--timeout=30s")
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=jsonpath={.status.disruptionsAllowed}=1", "pdb/newsloom-clusterer")
    assert evict(cluster, "newsloom-clusterer-1").returncode == 0


def evict(cluster: Cluster, pod: str) -> subprocess.CompletedProcess[str]:
    """Ask the API server to evict the pod, as `kubectl drain` does."""
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": NAMESPACE},
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    return cluster.try_kubectl("create", "--raw", path, "-f", "-", manifests=json.dumps(eviction))
