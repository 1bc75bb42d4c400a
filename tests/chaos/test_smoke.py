"""A short run of `make chaos`: some of every blow, and the same proof."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import pytest

from newsloom.settings import Settings
from tests.chaos.embedder import keep_vectors
from tests.chaos.report import report
from tests.chaos.run import Request, run
from tests.chaos.traffic import traffic
from tests.conftest import HOW_TO_RUN
from tests.kafka.broker import find_kafka_home

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.timeout(1_200)
def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    home = find_kafka_home(REPOSITORY)
    if home is None:
        pytest.skip(HOW_TO_RUN)
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic([sample], seed=1)
    keep_vectors(lines, tmp_path, Settings().model)

    outcome = run(Request(kills=10, brokers=3, seed=1, lines=lines, vectors=tmp_path), home, print)

    print(report(outcome, "smoke"))
    assert outcome.problems == []
    assert outcome.records["vectors"] > len(lines) / 2
    kills = sum(count for kind, count in outcome.counts.items() if kind in {"embedder: kill", "clusterer: kill"})
    assert (kills, outcome.counts["lines fed"]) == (10, len(lines))
    assert outcome.counts["brokers down"] >= 3
