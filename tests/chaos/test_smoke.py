"""A short run of `make chaos`: some faults of each kind, and the same checks."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import pytest

from newsloom.settings import Settings
from tests.chaos.embedder import cache_vectors
from tests.chaos.results import render
from tests.chaos.run import ChaosConfig, run
from tests.chaos.traffic import traffic
from tests.conftest import HOW_TO_RUN
from tests.kafka.broker import find_kafka_home

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.timeout(1_200)
def test_nothing_is_lost_or_duplicated(tmp_path: Path) -> None:
    home = find_kafka_home(REPOSITORY)
    if home is None:
        pytest.skip(HOW_TO_RUN)
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic([sample], seed=1)
    cache_vectors(lines, tmp_path, Settings().model)

    result = run(ChaosConfig(kills=10, brokers=3, seed=1, lines=lines, vectors=tmp_path), home, print)

    print(render(result, "smoke"))
    assert result.problems == []
    assert result.records["vectors"] > len(lines) / 2
    kills = sum(count for kind, count in result.counts.items() if kind in {"embedder: kill", "clusterer: kill"})
    assert (kills, result.counts["lines ingested"]) == (10, len(lines))
    assert result.counts["brokers down"] >= 3
