"""`python -m tests.chaos`: inject faults into services and real brokers, then check that nothing was lost or duplicated."""

from __future__ import annotations

import os
import signal
import sys
from importlib.resources import as_file, files
from pathlib import Path

import click

from evaluation.cli.options import default_cache_folder
from newsloom.settings import Settings
from tests.chaos.embedder import cache_vectors
from tests.chaos.replica_supervisor import REPOSITORY
from tests.chaos.results import render
from tests.chaos.run import ChaosConfig, run
from tests.chaos.traffic import real_files, traffic
from tests.kafka.broker import find_kafka_home


@click.command()
@click.option("--kills", default=100, show_default=True, help="Kills (kill -9) of services.")
@click.option("--brokers", default=20, show_default=True, help="Kills or restarts of brokers.")
@click.option("--seed", default=1, show_default=True, help="Seed of the plan of faults.")
@click.option("--articles", default=None, type=int, help="Maximum number of articles. [all]")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result to this file. [standard output]",
)
def main(kills: int, brokers: int, seed: int, articles: int | None, report_file: Path | None) -> None:
    """Kill and disturb embedders, clusterers and brokers during ingestion; then check that nothing was lost or duplicated.

    Needs Apache Kafka (KAFKA_HOME, else ../shared/kafka) and Java. The articles are those of ../shared/data (or
    of the folder NEWSLOOM_TEST_DATA) if they exist, else the demo's sample. The exit status is 1 if there is a problem.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # So that brokers and services end with the run.
    home = find_kafka_home(REPOSITORY)
    if home is None:
        raise click.UsageError("Apache Kafka is needed: set KAFKA_HOME")
    vectors = default_cache_folder()
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic(real_files(_data_folder()) or [sample], seed=seed, articles_max=articles)
    print_progress(f"{len(lines):,} lines; caching their vectors in {vectors}")
    cache_vectors(lines, vectors, Settings().model)
    result = run(
        ChaosConfig(kills=kills, brokers=brokers, seed=seed, lines=lines, vectors=vectors), home, print_progress
    )
    command = f"make chaos KILLS={kills} BROKERS={brokers} SEED={seed}"
    text = render(result, command if articles is None else f"{command} ({articles} articles)")
    if report_file is not None:
        report_file.parent.mkdir(parents=True, exist_ok=True)
        report_file.write_text(text)
    click.echo(text)
    sys.exit(bool(result.problems))


def _data_folder() -> Path:
    named = os.environ.get("NEWSLOOM_TEST_DATA")
    if named is None:
        return REPOSITORY.parent / "shared" / "data"
    # For the acceptance tests it is one file; the others are in the same folder.
    return Path(named) if Path(named).is_dir() else Path(named).parent


def print_progress(line: str) -> None:
    """Print a line of progress on standard error."""
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
