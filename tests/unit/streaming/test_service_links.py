"""The variables that Kubernetes sets for the Services of a namespace are no settings and stop no start."""

from __future__ import annotations

import pytest

from newsloom.settings import Settings, load_settings
from newsloom.streaming.errors import ConfigurationError


def service_links(service: str, *ports: tuple[str, int]) -> dict[str, str]:
    """Return what a kubelet sets in each container for a Service (pkg/kubelet/envvars/envvars.go of Kubernetes 1.33)."""
    name, address = service.upper().replace("-", "_"), "10.96.0.17"
    variables = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0][1])}
    variables[f"{name}_PORT"] = f"tcp://{address}:{ports[0][1]}"
    for port_name, port in ports:
        variables[f"{name}_SERVICE_PORT_{port_name.upper().replace('-', '_')}"] = str(port)
        variables[f"{name}_PORT_{port}_TCP"] = f"tcp://{address}:{port}"
        variables[f"{name}_PORT_{port}_TCP_PROTO"] = "tcp"
        variables[f"{name}_PORT_{port}_TCP_PORT"] = str(port)
        variables[f"{name}_PORT_{port}_TCP_ADDR"] = address
    return variables


@pytest.mark.parametrize(
    ("service", "ports"),
    [
        ("newsloom", [("http", 80)]),
        ("newsloom-metrics", [("metrics", 9464)]),
        ("newsloom-log", [("tcp-clients", 9092)]),
        ("newsloom-kafka-bootstrap", [("tcp-replication", 9091), ("tcp-clients", 9092), ("tcp-clientstls", 9093)]),
        ("newsloom-kafka-brokers", [("tcp-ctrlplane", 9090), ("tcp-clients", 9092)]),
    ],
)
def test_the_variables_of_a_service_are_no_settings(service: str, ports: list[tuple[str, int]]) -> None:
    own = {"NEWSLOOM_LOG": "kafka://newsloom-kafka-bootstrap:9092", "NEWSLOOM_KAFKA_CLIENT_ID": "mine"}
    assert load_settings({**service_links(service, *ports), **own}) == Settings(
        log="kafka://newsloom-kafka-bootstrap:9092", kafka={"client_id": "mine"}
    )


def test_a_setting_wins_over_the_variable_of_a_service_with_its_name() -> None:
    injected = service_links("newsloom-metrics", ("metrics", 80))
    assert load_settings({**injected, "NEWSLOOM_METRICS_PORT": "9464"}).metrics_port == 9464


@pytest.mark.parametrize("name", ["NEWSLOOM_LGO", "NEWSLOOM_LGO_PORT", "NEWSLOOM_METRICS_PORTS", "NEWSLOOM_KAFKA"])
def test_a_misspelt_setting_is_still_refused_beside_a_service(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is not a setting"):
        load_settings({**service_links("newsloom-metrics", ("metrics", 80)), name: "1"})


def test_a_url_as_metrics_port_is_refused_without_a_service() -> None:
    with pytest.raises(
        ConfigurationError, match=r"^NEWSLOOM_METRICS_PORT='tcp://10\.0\.0\.1:80' must be a port number"
    ):
        load_settings({"NEWSLOOM_METRICS_PORT": "tcp://10.0.0.1:80"})
