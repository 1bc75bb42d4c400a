"""`newsloom calibrate` with the real model, and the loading of calibration files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.cli.commands.calibrate import command
from services.clusterer.calibration_files import load_calibration

HALF_A_NUMBER = b'{"model": "all-MiniLM-L6-v2", "title_mean": "AAAA", "lead_mean": "AAAA", "articles": 1}'
SUBJECTS = ("Ferry", "Harvest", "Comet", "Strike", "Museum")


def sample(folder: Path, count: int) -> Path:
    file = folder / "sample.jsonl"
    lines = [{"id": str(n), "headline": f"{SUBJECTS[n % 5]} report {n}", "text": ""} for n in range(count)]
    file.write_text("not JSON\n" + "".join(json.dumps(line) + "\n" for line in lines))
    return file


def calibrate(folder: Path, count: int) -> Path:
    output = folder / "calibration.json"
    arguments = [str(sample(folder, count)), "--output", str(output), "--map", "title=headline"]
    result = CliRunner().invoke(command, arguments, obj=Settings(), catch_exceptions=False)
    assert "100 articles measured" in result.stdout
    return output


def test_the_clusterer_accepts_a_calibration_measured_on_a_sample(tmp_path: Path) -> None:
    output = calibrate(tmp_path, 100)
    found = load_calibration(Settings(calibration=str(output)))
    shipped = load_calibration(Settings())
    assert found is not None
    assert shipped is not None
    assert found.dimension == shipped.dimension == 384
    # The sample has titles only, so title and lead are the same.
    assert np.array_equal(found.title_mean, found.lead_mean)
    assert np.abs(found.title_mean).max() > 0


def test_a_calibration_of_another_model_is_refused(tmp_path: Path) -> None:
    output = calibrate(tmp_path, 100)
    with pytest.raises(ConfigurationError, match="was made for 'all-MiniLM-L6-v2', NEWSLOOM_MODEL is 'mine'"):
        load_calibration(Settings(calibration=str(output), model="mine"))


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", HALF_A_NUMBER],
    ids=["empty", "no fields", "not UTF-8", "half a number"],
)
def test_an_invalid_calibration_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "calibration.json"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is not a calibration file"):
        load_calibration(Settings(calibration=str(file)))


def test_a_missing_calibration_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_calibration(Settings(calibration=str(tmp_path / "none.json")))


def test_a_missing_output_folder_is_reported_before_anything_is_encoded(tmp_path: Path) -> None:
    output = tmp_path / "nowhere" / "calibration.json"
    arguments = [str(sample(tmp_path, 1)), "--output", str(output), "--map", "title=headline"]
    with pytest.raises(
        ConfigurationError, match=r"--output .*nowhere.*: the folder .*nowhere does not exist or is not writable"
    ):
        CliRunner().invoke(command, arguments, obj=Settings(), catch_exceptions=False)


def test_too_small_a_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="contains 99 articles with text; at least 100 are needed"):
        calibrate(tmp_path, 99)
