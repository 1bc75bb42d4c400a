"""`python -m tests.chaos`: blows to a newsroom on a cluster of real brokers, and the proof that nothing came of them."""

from __future__ import annotations

import os
import signal
import sys
from importlib.resources import as_file, files
from pathlib import Path

import click

from evaluation.cli.options import default_cache_folder
from newsloom.settings import Settings
from tests.chaos.embedder import keep_vectors
from tests.chaos.newsroom import REPOSITORY
from tests.chaos.report import report
from tests.chaos.run import Request, run
from tests.chaos.traffic import real_files, traffic
from tests.kafka.broker import find_kafka_home


@click.command()
@click.option("--kills", default=100, show_default=True, help="Kills (kill -9) of services.")
@click.option("--brokers", default=20, show_default=True, help="Kills or restarts of brokers.")
@click.option("--seed", default=1, show_default=True, help="Of the plan of blows.")
@click.option("--articles", default=None, type=int, help="At most so many articles. [all]")
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report to this file. [standard output]",
)
def main(kills: int, brokers: int, seed: int, articles: int | None, report_file: Path | None) -> None:
    """Deal blows to embedders, clusterers and brokers while articles are taken in; then prove that nothing was lost or repeated.

    Needs Apache Kafka (KAFKA_HOME, else ../shared/kafka) and Java. The traffic is that of ../shared/data (or NEWSLOOM_TEST_DATA,
    a folder), where it is; else the demo's sample. Exit status 1 if anything is wrong.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Brokers and services are not to outlive the run.
    home = find_kafka_home(REPOSITORY)
    if home is None:
        raise click.UsageError("Apache Kafka is needed: set KAFKA_HOME")
    vectors = default_cache_folder()
    with as_file(files("services.local") / "sample" / "articles.jsonl") as sample:
        lines = traffic(real_files(_data_folder()) or [sample], seed=seed, articles_max=articles)
    tell(f"{len(lines):,} lines of traffic; keeping their vectors in {vectors}")
    keep_vectors(lines, vectors, Settings().model)
    outcome = run(Request(kills=kills, brokers=brokers, seed=seed, lines=lines, vectors=vectors), home, tell)
    command = f"make chaos KILLS={kills} BROKERS={brokers} SEED={seed}"
    text = report(outcome, command if articles is None else f"{command} ({articles} articles)")
    if report_file is not None:
        report_file.parent.mkdir(parents=True, exist_ok=True)
        report_file.write_text(text)
    click.echo(text)
    sys.exit(bool(outcome.problems))


def _data_folder() -> Path:
    named = os.environ.get("NEWSLOOM_TEST_DATA")
    if named is None:
        return REPOSITORY.parent / "shared" / "data"
    # The acceptance tests take one file; the others lie beside it.
    return Path(named) if Path(named).is_dir() else Path(named).parent


def tell(what: str) -> None:
    """Say on standard error what is being done."""
    click.echo(what, err=True)


if __name__ == "__main__":
    main()
