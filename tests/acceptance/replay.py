"""The whole file of real articles through both services."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.acceptance.installation import Installation
from tests.acceptance.published import Published

MAPPED: Final = ("--map", "outlet=source", "--map", "language=lang")
"""What the file calls otherwise. Its gold fields are no article's: they stay out."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it: all that was published, and the stories as `newsloom stories --format json` prints them."""

    published: Published
    stories: str
    problems: list[str]
    """What the bookkeeper has to say of it; of vectors that no embedder wrote, on the clusterer's side alone."""


def replay(installation: Installation, file: Path) -> Replay:
    """One command, as a small newsroom would give it."""
    installation.command("run", "--ingest", str(file), *MAPPED, "--until-drained")
    return outcome(installation)


def assert_same(found: Replay, expected: Replay) -> None:
    """Every event of the one is one of the other, in the same order, and the stories are the same to the byte."""
    assert found.published.vector_events == expected.published.vector_events
    assert found.published.updates == expected.published.updates
    assert found.published.memberships == expected.published.memberships
    assert found.stories == expected.stories


def outcome(installation: Installation) -> Replay:
    """What stands on the installation's topics now."""
    published = installation.published()
    check = installation.find_violations if published.articles else installation.find_clustering_violations
    return Replay(published, installation.stories(), check())
