"""Replay a whole file of real articles through both services."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.acceptance.installation import Installation
from tests.acceptance.published import Published

MAPPED: Final = ("--map", "outlet=source", "--map", "language=lang")
"""Fields that have other names in the file. Its gold labels are not ingested."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The result: all that was published, and the output of `newsloom stories --format json`."""

    published: Published
    stories: str
    violations: list[str]
    """Violations that the verifier finds; of the clusterer's topics alone if there was no embedder."""


def replay(installation: Installation, file: Path) -> Replay:
    """Replay the file with one command."""
    installation.command("run", "--ingest", str(file), *MAPPED, "--until-drained")
    return read_replay(installation)


def assert_same(found: Replay, expected: Replay) -> None:
    """Check that both have the same events in the same order, and the same stories byte for byte."""
    assert found.published.vector_events == expected.published.vector_events
    assert found.published.updates == expected.published.updates
    assert found.published.memberships == expected.published.memberships
    assert found.stories == expected.stories


def read_replay(installation: Installation) -> Replay:
    """Read the result from the installation's topics."""
    published = installation.published()
    check = installation.find_violations if published.articles else installation.find_clustering_violations
    return Replay(published, installation.stories(), check())
