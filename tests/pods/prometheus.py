"""A Prometheus beside the pods, which scrapes them with the labels that the PodMonitor gives, and has newsloom's rules.

Debian's Prometheus does not look for pods itself, so their addresses are written to a file.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml

from tests.kubernetes.cluster import NAMESPACE, Cluster
from tests.kubernetes.test_alerts import rule_groups
from tests.pods.installation import METRICS_PORT

ADDRESS: Final = "127.0.0.1:9090"
"""In the network of the node."""
TARGETS: Final = "targets.json"
_CONFIGURATION: Final = {
    "global": {"scrape_interval": "5s", "evaluation_interval": "5s"},
    "rule_files": ["rules.yaml"],
    "scrape_configs": [
        {"job_name": "newsloom", "file_sd_configs": [{"files": [TARGETS], "refresh_interval": "5s"}]},
    ],
}


class Prometheus:
    """Prometheus in the network of the node."""

    def __init__(self, cluster: Cluster, targets: Path) -> None:
        self._cluster = cluster
        self._targets = targets

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire. Tell Prometheus which pods there are."""
        self._write_targets()
        answer = self._cluster.node("exec", "curl", "--silent", f"http://{ADDRESS}/api/v1/alerts", check=False)
        alerts = json.loads(answer)["data"]["alerts"] if answer else []
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def _write_targets(self) -> None:
        pods = json.loads(self._cluster.kubectl("-n", NAMESPACE, "get", "pods", "-o", "json"))["items"]
        targets = [
            {
                "targets": [f"{pod['status']['podIP']}:{METRICS_PORT}"],
                "labels": {
                    "pod": pod["metadata"]["name"],
                    "job": pod["metadata"]["labels"]["app.kubernetes.io/component"],
                },
            }
            for pod in pods
            if pod["status"].get("podIP") and pod["status"]["phase"] == "Running"
        ]
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps(targets))
        new.replace(self._targets)


@contextmanager
def running(cluster: Cluster, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus while entered, with its data in the folder."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rule_groups()))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(_CONFIGURATION))
    arguments = (
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={ADDRESS}",
    )
    with (folder / "prometheus.log").open("wb") as log:
        process: subprocess.Popen[bytes] = cluster.start_on_node("prometheus", *arguments, output=log)
    try:
        yield Prometheus(cluster, folder / TARGETS)
    finally:
        process.terminate()
        process.wait()
