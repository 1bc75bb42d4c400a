"""A Prometheus beside the pods, which finds and scrapes them as the PodMonitor says, with newsloom's rules."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.kubernetes.cluster import NAMESPACE, Cluster
from tests.kubernetes.test_alerts import rule_groups

ADDRESS: Final = "127.0.0.1:9090"
"""In the network of the node."""
SCRAPED_EVERY: Final = "5s"


class Prometheus:
    """Prometheus in the network of the node."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        answer = self._cluster.node("exec", "curl", "--silent", f"http://{ADDRESS}/api/v1/alerts", check=False)
        alerts = json.loads(answer)["data"]["alerts"] if answer else []
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


@contextmanager
def running(cluster: Cluster, folder: Path) -> Iterator[Prometheus]:
    """Run Prometheus while entered, with its data in the folder."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rule_groups()))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(_configuration(cluster)))
    arguments = (
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={ADDRESS}",
    )
    with (folder / "prometheus.log").open("wb") as log:
        process: subprocess.Popen[bytes] = cluster.start_on_node("prometheus", *arguments, output=log)
    try:
        yield Prometheus(cluster)
    finally:
        process.terminate()
        process.wait()


def _configuration(cluster: Cluster) -> dict[str, Any]:
    pods = "__meta_kubernetes_pod_"
    return {
        "global": {"scrape_interval": SCRAPED_EVERY, "evaluation_interval": SCRAPED_EVERY},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": "newsloom",
                "kubernetes_sd_configs": [
                    {"role": "pod", "kubeconfig_file": str(cluster.kubeconfig), "namespaces": {"names": [NAMESPACE]}}
                ],
                "relabel_configs": [
                    {"source_labels": [f"{pods}container_port_name"], "regex": "metrics", "action": "keep"},
                    {"source_labels": [f"{pods}name"], "target_label": "pod"},
                    {"source_labels": [f"{pods}label_app_kubernetes_io_component"], "target_label": "job"},
                ],
            }
        ],
    }
