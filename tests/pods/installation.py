"""The overlay `local` as applied to the node, with several replicas and the producers' components."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from newsloom.contracts.pipeline import SERVICES
from newsloom.service import EXIT_CONFIGURATION
from tests.kafka.broker import wait_until
from tests.kubernetes.cluster import NAMESPACE, OVERLAYS, Cluster

PARTITIONS: Final = 2
READY_S_MAX: Final = 600
METRICS_PORT: Final = 9464
FEED: Final = "http://feeds.feeds.svc.cluster.local/rss.xml"
"""What the pod of the feeds follows: a server inside of the cluster, which its network policy forbids."""
NAMES: Final = tuple(service.name for service in SERVICES)

_OVERLAY: Final = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
resources: [{local}]
components: [{components}/feeds, {components}/ingest]
configMapGenerator:
  - name: newsloom-feeds
    files: [feeds.toml]
  - name: newsloom-settings
    behavior: merge
    literals: [NEWSLOOM_PARTITIONS={partitions}, NEWSLOOM_STATE_PARTITIONS={partitions}]
# So that four embedders, two clusterers and one pod more fit on a node of two cores. The limits stay as they are.
patches:
  - target: {{kind: StatefulSet, name: newsloom-embedder}}
    patch: '[{{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "250m"}}]'
  - target: {{kind: StatefulSet, name: newsloom-clusterer}}
    patch: '[{{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "150m"}}]'
  - target: {{kind: StatefulSet, name: newsloom-feeds}}
    patch: '[{{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--interval=1"}}]'
images:
  - {{name: newsloom-cli, newName: localhost/newsloom-cli, newTag: "1"}}
replicas:
  - {{name: newsloom-embedder, count: {replicas}}}
  - {{name: newsloom-clusterer, count: {replicas}}}
"""


class Installation:
    """newsloom in the namespace `NAMESPACE`; `url` is the log as this machine reaches it."""

    def __init__(self, cluster: Cluster, url: str) -> None:
        self._cluster = cluster
        self.url = url

    def apply(self, folder: Path, *, replicas: int) -> None:
        """Apply the overlay `local` and the producers with so many replicas of each service, without waiting."""
        (folder / "feeds.toml").write_text(f'[[feed]]\nurl = "{FEED}"\n')
        (folder / "kustomization.yaml").write_text(
            _OVERLAY.format(
                namespace=NAMESPACE,
                local=os.path.relpath(OVERLAYS / "local", folder.resolve()),
                components=os.path.relpath(OVERLAYS.parent / "components", folder.resolve()),
                partitions=PARTITIONS,
                replicas=replicas,
            )
        )
        self._cluster.kubectl("apply", "-k", str(folder))

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the namespace; return its output."""
        return self._cluster.kubectl("-n", NAMESPACE, *arguments)

    def wait_rolled_out(self, *services: str, kind: str = "statefulset") -> None:
        """Wait until all pods of the services (of all in `NAMES`, if none is named) are Ready in their latest form."""
        for name in services or NAMES:
            self.kubectl("rollout", "status", f"{kind}/newsloom-{name}", f"--timeout={READY_S_MAX}s")

    def scale(self, service: str, replicas: int) -> None:
        """Change the number of replicas, without waiting."""
        self.kubectl("scale", f"statefulset/newsloom-{service}", f"--replicas={replicas}")

    def pods(self, service: str) -> list[dict[str, Any]]:
        """Return the service's pods as the API server knows them, by name."""
        selected: list[dict[str, Any]] = json.loads(
            self.kubectl("get", "pods", "-o", "json", "-l", f"app.kubernetes.io/component={service}")
        )["items"]
        return sorted(selected, key=lambda pod: str(pod["metadata"]["name"]))

    def pod(self, name: str) -> dict[str, Any]:
        """Return a pod as the API server knows it."""
        found: dict[str, Any] = json.loads(self.kubectl("get", "pod", name, "-o", "json"))
        return found

    def container(self, name: str) -> dict[str, Any]:
        """Return the status of the pod's container."""
        statuses: list[dict[str, Any]] = self.pod(name)["status"].get("containerStatuses", [{}])
        return statuses[0]

    def get(self, pod: str, path: str, *, port: int = METRICS_PORT) -> tuple[int, str]:
        """Return the status and the body of the pod's answer; (0, "") if there is none."""
        return self.request(f"http://{self.pod(pod)['status'].get('podIP', '')}:{port}{path}")

    def request(self, url: str, *options: str) -> tuple[int, str]:
        """Let curl ask from the node; return the status and the body of the answer, (0, "") if there is none."""
        curl = ("curl", "--silent", "--max-time", "5", "--write-out", "\n%{http_code}", *options, url)
        answer = self._cluster.node("exec", *curl, check=False)
        body, _, status = answer.rpartition("\n")
        return int(status), body

    def service_url(self, service: str) -> str:
        """Return the URL of port 80 of the service's Service, as the node reaches it."""
        return f"http://{self.kubectl('get', f'service/newsloom-{service}', '-o', 'jsonpath={.spec.clusterIP}')}"

    def metrics(self, pod: str) -> dict[str, float]:
        """Return the pod's samples by their name with labels."""
        lines = (line for line in self.get(pod, "/metrics")[1].splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def kill(self, pod: str, number: signal.Signals) -> None:
        """Send a signal to the pod's process from outside the container."""
        os.kill(self._pid(pod), number)

    def verify(self) -> None:
        """Check the invariants of all records; `newsloom state verify` fails if one does not hold."""
        run_newsloom(self.url, ["state", "verify"])

    def age_s(self, pod: str) -> float:
        """Return for how many seconds the pod's process has run; -1 if there is none."""
        try:
            fields = Path(f"/proc/{self._pid(pod)}/stat").read_text().rpartition(")")[2].split()
        except (LookupError, OSError):
            return -1.0
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")

    def has_restarted(self, pod: str, restarts: int) -> bool:
        """Return whether the pod's container was restarted more often than this."""
        return bool(self.container(pod).get("restartCount", 0) > restarts)

    def reason_of_end(self, pod: str) -> str:
        """Return the termination message of the pod's container, once it has ended because of its configuration."""
        self.wait(lambda: bool(self.container(pod).get("lastState")), READY_S_MAX, f"the end of {pod}")
        ended = self.container(pod)["lastState"]["terminated"]
        assert ended["exitCode"] == EXIT_CONFIGURATION, ended
        return str(ended["message"])

    def wait_ready(self, pod: str, seconds: float = READY_S_MAX) -> None:
        """Wait until the pod is Ready."""
        self.wait(lambda: bool(self.container(pod).get("ready")), seconds, f"{pod} to be ready")

    @contextmanager
    def extra_pod(
        self,
        name: str,
        service: str,
        environ: Mapping[str, str],
        *,
        cpu: str = "",
        secret: str = "",
        configmap: str = "",
        has_service_links: bool = False,
    ) -> Iterator[None]:
        """Run one more pod of the service while entered, with further variables.

        `cpu` is another limit. A Secret or ConfigMap of that name is mounted at /etc/secret or /etc/configmap.
        """
        pod = self._pod_of(service, name)
        spec, container = pod["spec"], pod["spec"]["containers"][0]
        spec["enableServiceLinks"] = has_service_links
        container["env"] += [{"name": key, "value": value} for key, value in environ.items()]
        if cpu:
            container["resources"]["limits"]["cpu"] = cpu
        for kind, key, source in (("secret", "secretName", secret), ("configmap", "name", configmap)):
            if source:
                spec["volumes"].append({"name": kind, {"configmap": "configMap"}.get(kind, kind): {key: source}})
                container["volumeMounts"].append({"name": kind, "mountPath": f"/etc/{kind}"})
        self._cluster.kubectl("-n", NAMESPACE, "apply", "-f", "-", manifests=json.dumps(pod))
        try:
            yield
        finally:
            self.kubectl("delete", "pod", name)

    def _pod_of(self, service: str, name: str) -> dict[str, Any]:
        """Return the manifest of a pod like those of the service, with its labels."""
        stateful = json.loads(self.kubectl("get", f"statefulset/newsloom-{service}", "-o", "json"))
        template = stateful["spec"]["template"]
        metadata = {"name": name, "namespace": NAMESPACE, "labels": template["metadata"]["labels"]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait until the condition holds; return after how many seconds it did."""
        begun = time.monotonic()
        wait_until(condition, seconds, what)
        return time.monotonic() - begun

    def newsloom(self, *arguments: str) -> str:
        """Run a command of newsloom on this machine; return its output."""
        return run_newsloom(self.url, arguments)

    def _pid(self, pod: str) -> int:
        """Return the number of the container's first process on this machine."""
        uid = str(self.pod(pod)["metadata"]["uid"])
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _is_service(entry) and _is_in_pod(entry, uid):
                return int(entry.name)
        raise LookupError(f"no process of {pod}")


def run_newsloom(url: str, arguments: Sequence[str], **settings: str) -> str:
    """Run a command of newsloom with this log and these settings; return its output. It must succeed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLOOM_")}
    result = subprocess.run(
        [sys.executable, "-m", "services.cli", *arguments],
        env={**environ, "NEWSLOOM_LOG": url, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _is_service(entry: Path) -> bool:
    """Return whether the process runs a service or a command, or is the `env` that is about to."""
    command = _read(entry / "cmdline")
    return b"services." in command or b"bin/newsloom" in command


def _is_in_pod(entry: Path, uid: str) -> bool:
    return uid.encode() in _read(entry / "cgroup").replace(b"_", b"-")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
