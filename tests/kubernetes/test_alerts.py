"""Each alert fires on its symptom and clears afterwards, as Prometheus itself evaluates it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

RULES: Final = Path(__file__).parents[2] / "deploy/kubernetes/components/monitoring/prometheusrule.yaml"

POD: Final = '{pod="newsloom-clusterer-0",instance="clusterer"}'


def steps(*phases: tuple[int, float]) -> str:
    """Return the samples of a counter: for each phase, how many minutes it takes and how much the counter rises in each."""
    value, samples = 0.0, [0.0]
    for minutes, rise in phases:
        for _ in range(minutes):
            value += rise
            samples.append(value)
    return " ".join(f"{sample:g}" for sample in samples)


def late(*, share: float, minutes: int) -> dict[str, str]:
    """Return the latency's series, 60 articles a minute: none late for an hour, then this share, then none for a day."""
    healthy, day = (60, 60.0), (1_440, 60.0)
    return {
        'newsloom_latency_seconds_bucket{service="clusterer",le="5.0"}': steps(
            healthy, (minutes, 60 * (1 - share)), day
        ),
        'newsloom_latency_seconds_count{service="clusterer"}': steps(healthy, (minutes, 60), day),
    }


def info(service: str) -> str:
    """Return the series with the versions of a service's pod."""
    return f'newsloom_build_info{{service="{service}",pod="newsloom-{service}-0",instance="{service}"}}'


SYMPTOMS: Final[dict[str, tuple[dict[str, str], int, int]]] = {
    "NewsloomLateArticlesFast": (late(share=0.5, minutes=60), 115, 140),
    "NewsloomLateArticles": (late(share=0.1, minutes=360), 415, 480),
    "NewsloomLateArticlesSlow": (late(share=0.03, minutes=720), 770, 1_400),
    "NewsloomAbsent": (
        {info("embedder"): "1x5 _x20 1x10", info("clusterer"): "1x40"},
        20,
        32,
    ),
    "NewsloomRestarts": (
        {info("clusterer"): "1x60", "process_start_time_seconds" + POD: "1x5 2x1 3x1 4x1 5x1 6x60"},
        12,
        45,
    ),
    "NewsloomNotReady": ({"newsloom_ready" + POD: "1x5 0x10 1x10"}, 14, 22),
    "NewsloomLag": ({"newsloom_lag_seconds" + POD: "0x5 90x10 0x10"}, 14, 22),
    "NewsloomStuck": ({"newsloom_progress_age_seconds" + POD: "0x5 60 120 0x10"}, 7, 12),
    "NewsloomLogUnavailable": ({"newsloom_log_unavailable_total" + POD: "0x5 0+60x10 600x20"}, 14, 30),
    "NewsloomCommitsFail": ({"newsloom_commits_failed_total" + POD: "0x5 0+2x15 30x30"}, 20, 45),
    "NewsloomRebalances": ({"newsloom_rebalances_total" + POD: "0x5 0+2x15 30x60"}, 19, 70),
    "NewsloomPageErrors": (
        {'newsloom_page_requests_total{pod="newsloom-storypage-0",status="500"}': "0x5 0+5x10 50x30"},
        12,
        40,
    ),
    "NewsloomFeedsFail": ({"newsloom_feeds" + POD: "4x100", "newsloom_feeds_failing" + POD: "0x5 3x50 1x20"}, 45, 60),
    "NewsloomIngestErrors": (
        {'newsloom_ingest_requests_total{pod="newsloom-ingest-1",status="503"}': "0x5 0+5x10 50x30"},
        12,
        40,
    ),
    "NewsloomDeadLetters": ({"newsloom_dead_letters_total" + POD: "0x5 3x100"}, 10, 90),
}
"""The series of each alert's symptom in steps of a minute, and the minutes at which it fires and has cleared."""


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
    rules = [rule for group in rule_groups()["groups"] for rule in group["rules"]]
    assert {rule["alert"] for rule in rules if "alert" in rule} == set(SYMPTOMS)


@pytest.mark.parametrize("alert", SYMPTOMS)
def test_an_alert_fires_and_clears(promtool: str, tmp_path: Path, alert: str) -> None:
    series, fires, cleared = SYMPTOMS[alert]
    check_alert(promtool, tmp_path, alert, series, fires=fires, cleared=cleared)


def test_a_dead_letter_before_the_first_scrape_fires(promtool: str, tmp_path: Path) -> None:
    series = {"newsloom_dead_letters_total" + POD: "_x5 1x100"}
    check_alert(promtool, tmp_path, "NewsloomDeadLetters", series, fires=10, cleared=90)


@pytest.mark.parametrize("service", ["embedder", "clusterer", "storypage"])
def test_the_absence_of_each_service_fires_although_others_are_there(
    promtool: str, tmp_path: Path, service: str
) -> None:
    others = {info(name): "1x90" for name in ("embedder", "clusterer", "feeds") if name != service}
    series = {**others, info(service): "1x10 _x20 1x60"}
    check_alert(promtool, tmp_path, "NewsloomAbsent", series, fires=25, cleared=40)


def check_alert(promtool: str, tmp_path: Path, alert: str, series: dict[str, str], *, fires: int, cleared: int) -> None:
    """Let promtool evaluate the rules on these series: the alert is silent, fires, and has cleared at these minutes."""
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
                        "input_series": [{"series": name, "values": values} for name, values in series.items()],
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
