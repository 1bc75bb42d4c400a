"""`newsloom migrate --model` with real processes on both sides; the new model is the default model's files under another name.

Its vectors are the same, bit for bit, so the migrated installation must have the same vectors, and the same stories afterwards.
"""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from newsloom.contracts.story import StoryState
from services.embedder.model_files import DEFAULT_MODEL, find_model
from tests.acceptance.conftest import NewInstallation
from tests.acceptance.installation import Installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SERVICES = ("embedder", "clusterer")


def halves_of_the_sample(folder: Path) -> tuple[Path, Path]:
    sample = next(files("services.local").joinpath("sample").iterdir())
    lines = [line for line in sample.read_text().splitlines() if line.startswith("{")]
    first, second = folder / "first.jsonl", folder / "second.jsonl"
    first.write_text("\n".join(lines[:100]) + "\n")
    second.write_text("\n".join(lines[100:]) + "\n")
    return first, second


def under_another_name(folder: Path) -> dict[str, str]:
    """Return the settings of the default model under another name."""
    model = find_model(DEFAULT_MODEL).source
    shipped = files("services.clusterer").joinpath("calibration", f"{DEFAULT_MODEL}.json").read_text()
    calibration = folder / "calibration.json"
    calibration.write_text(json.dumps({**json.loads(shipped), "model": model}))
    return {"NEWSLOOM_MODEL": model, "NEWSLOOM_CALIBRATION": str(calibration)}


def test_the_same_model_under_another_name_gives_the_same_stories(
    new_installation: NewInstallation, tmp_path: Path
) -> None:
    old = new_installation("sqlite")
    new = replace(old, prefix=f"{old.prefix}to.")
    first, second = halves_of_the_sample(tmp_path)
    other = under_another_name(tmp_path)
    old.command("topics", "create")
    old.newsloom("ingest", str(first))
    old.run(*SERVICES)
    before = old.published()

    migrated = old.command("migrate", "--to-prefix", new.prefix, "--model", other["NEWSLOOM_MODEL"])

    assert "verified: every invariant holds" in migrated.stdout
    assert f"now set NEWSLOOM_TOPIC_PREFIX={new.prefix} NEWSLOOM_STATE_PARTITIONS=1" in migrated.stderr
    assert new.published().memberships == before.memberships, "vectors included"
    assert sum(story.state is StoryState.OPEN for story in before.stories.values()) > 20
    refused = new.newsloom("clusterer")
    assert refused.status == 78

    old.newsloom("ingest", str(second))
    followed = old.command("migrate", "--to-prefix", new.prefix, "--follow", "--until-drained")
    assert f"records to {new.prefix}" in followed.stdout
    old.run(*SERVICES)
    new.run(*SERVICES, **other)
    _check_equal(old, new)


def _check_equal(old: Installation, new: Installation) -> None:
    assert old.find_violations() == new.find_violations() == []
    assert new.published().stories == old.published().stories
    assert new.published().memberships == old.published().memberships
