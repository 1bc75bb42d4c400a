"""The Grafana dashboard and the rules: every expression is valid and names series that the services export."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import promql_parser
import pytest
import yaml

from newsloom.settings import Settings
from tests.unit.test_deploy import ROOT, compose
from tests.unit.test_kubernetes import rules
from tests.unit.test_metrics import exported_series

MONITORING: Final = ROOT / "deploy" / "kubernetes" / "components" / "monitoring"
DASHBOARD: Final[dict[str, Any]] = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS: Final = {
    f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]
}
GRAFANA_VARIABLES: Final = {"$__rate_interval": "5m", "$job": ".*"}


def names(expression: promql_parser.Expr) -> set[str]:
    """Return the metrics that a parsed expression reads."""
    return set(re.findall(r"\b(?:newsloom|process)_\w+", expression.prettify()))


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_a_panel_reads_series_that_exist(title: str) -> None:
    expression = EXPRESSIONS[title]
    for variable, value in GRAFANA_VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    read = names(promql_parser.parse(expression))
    assert read
    assert {name for name in read if name.startswith("newsloom_")} <= exported_series()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_the_expression_of_a_rule_is_valid(rule: dict[str, Any]) -> None:
    assert promql_parser.parse(rule["expr"])


def test_panels_do_not_overlap_and_have_names_and_numbers_of_their_own() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    for field in ("id", "title"):
        assert len({panel[field] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_compose_scrapes_the_services_and_shows_the_dashboard() -> None:
    services = compose()["services"]
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    port = services["embedder"]["environment"]["NEWSLOOM_METRICS_PORT"]
    assert int(port) != Settings().metrics_port
    targets = [target for job in scraped for config in job["static_configs"] for target in config["targets"]]
    assert targets == [f"{name}:{port}" for name in ("embedder", "clusterer")]
    for name in ("prometheus", "grafana"):
        mounted = [volume.split(":")[0] for volume in services[name]["volumes"] if volume.startswith("./")]
        assert mounted
        assert all((ROOT / "deploy" / path).is_file() for path in mounted)
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert any(volume.split(":")[1] == home for volume in services["grafana"]["volumes"])
