"""Each alert fires on its symptom and clears afterwards, as Prometheus itself evaluates it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

RULES: Final = Path(__file__).parents[2] / "deploy/kubernetes/components/monitoring/prometheusrule.yaml"

SYMPTOMS: Final = {
    # Samples of one minute each: healthy, the symptom, healthy again.
    "NewsloomNotReady": ("newsloom_ready", "1x5 0x10 1x10", 14, 22),
    "NewsloomLogUnavailable": ("newsloom_log_unavailable_total", "0x5 0+60x10 600x20", 14, 30),
    "NewsloomCommitsFail": ("newsloom_commits_failed_total", "0x5 0+2x15 30x30", 20, 45),
    "NewsloomDeadLetters": ("newsloom_dead_letters_total", "0x5 3x100", 10, 90),
}
"""The metric of each alert, its samples, and the minutes at which the alert fires and has cleared."""


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool, of the Debian package prometheus")
    return found


def rule_groups() -> dict[str, Any]:
    groups: dict[str, Any] = yaml.safe_load(RULES.read_text())["spec"]
    return groups


def test_every_alert_has_a_symptom() -> None:
    assert {rule["alert"] for group in rule_groups()["groups"] for rule in group["rules"]} == set(SYMPTOMS)


@pytest.mark.parametrize("alert", SYMPTOMS)
def test_an_alert_fires_and_clears(promtool: str, tmp_path: Path, alert: str) -> None:
    metric, samples, fires, cleared = SYMPTOMS[alert]
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    expected = {2: [], fires: [{"labels": "{}", "value": 1}], cleared: []}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule_groups()))
    (tmp_path / "test.yaml").write_text(
        yaml.safe_dump(
            {
                "rule_files": ["rules.yaml"],
                "evaluation_interval": "1m",
                "tests": [
                    {
                        "interval": "1m",
                        "input_series": [{"series": f'{metric}{{pod="newsloom-clusterer-0"}}', "values": samples}],
                        "promql_expr_test": [
                            {"expr": firing, "eval_time": f"{minute}m", "exp_samples": found}
                            for minute, found in expected.items()
                        ],
                    }
                ],
            }
        )
    )
    result = subprocess.run(
        [promtool, "test", "rules", "test.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
