from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evaluation.hard_streams.mixing import mix_into
from evaluation.hard_streams.names import parse_hard_stream
from evaluation.hard_streams.stream import generate_hard_stream
from evaluation.streams.encoder_cache import CachedEncoder
from evaluation.streams.event_stream import vectorize
from evaluation.streams.files import read_stream
from newsloom.streaming.errors import ConfigurationError
from services.cli.__main__ import newsloom
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories, write_stream


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a folder with two streams and a cache with all their vectors: no model is needed."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = rows_of_three_stories()
    apart = [{**one, "story": str(one["id"])} for one in rows]
    for name, stream in (("good", rows), ("apart", apart)):
        encoder = CachedEncoder("words", WordEncoder, tmp_path / "cache", lambda *_: None)
        vectorize(read_stream(write_stream(folder, name, stream)), encoder)
    return folder


def evaluate(data: Path, *arguments: str, cache: Path | None = None) -> Result:
    folders = ["--data", str(data), "--cache", str(cache or data.parent / "cache")]
    outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(newsloom, ["evaluate", *folders, *arguments])
    assert outcome.exception is None, outcome.output
    return outcome


def test_json_has_the_sets_and_the_average_of_those_with_dates(data: Path) -> None:
    found = json.loads(evaluate(data, "apart", "good", "--undated", "good", "--format", "json").stdout)
    assert list(found) == ["sets", "macro"]
    assert list(found["sets"]) == ["apart", "good", "good-undated"]
    assert found["sets"]["good"]["b3"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert found["sets"]["apart"]["b3"]["precision"] == pytest.approx(1 / 3)
    assert found["macro"]["b3"]["precision"] == pytest.approx(2 / 3)
    assert found["sets"]["good"]["silent_changes"] == 0
    assert found["sets"]["good"]["articles_per_s"] > 0


def test_granularity_changes_the_number_of_stories_and_has_bounds(data: Path) -> None:
    broad, fine = (
        json.loads(evaluate(data, "good", "--granularity", value, "--format", "json").stdout) for value in ("0.25", "4")
    )
    assert broad["sets"]["good"]["stories"] < fine["sets"]["good"]["stories"]
    refused = CliRunner().invoke(newsloom, ["evaluate", "--data", str(data), "--granularity", "5"])
    assert refused.exit_code == 2
    assert "0.25<=x<=4.0" in refused.output


def test_tables_are_printed_and_written_with_baselines(data: Path, tmp_path: Path) -> None:
    keep = tmp_path / "results"
    printed = evaluate(data, "good", "--baselines", "--keep", str(keep)).stdout
    assert "| good " in printed
    assert "| river DBSTREAM" in printed
    kept = (keep / "sets.md").read_text()
    assert printed in kept
    assert "Command: " in kept
    assert "good" in json.loads((keep / "sets.json").read_text())["sets"]
    assert (keep / "sets.svg").read_text().startswith("<?xml")


def test_hard_streams_are_scored_beside_the_sets_and_mixed_into_them(data: Path) -> None:
    encoder = CachedEncoder("words", WordEncoder, data.parent / "cache", lambda *_: None)
    request, good = parse_hard_stream("hard-1-silence"), read_stream(data / "good.jsonl")
    vectorize(generate_hard_stream(request).stream, encoder)
    vectorize(mix_into(good, request, share=0.7).stream, encoder)
    keep = data.parent / "results"
    printed = evaluate(data, "good", "hard-1-silence", "--hard-share", "0.7", "--keep", str(keep)).stdout
    found = json.loads((keep / "sets.json").read_text())
    assert list(found["sets"]) == ["good", "hard-1-silence", "good+hard-1-silence"]
    assert found["macro"]["b3"] == found["sets"]["good"]["b3"]
    assert found["macro_mixed"]["b3"] == found["sets"]["good+hard-1-silence"]["b3"]
    assert list(found["hard"]["hard-1-silence"]["kinds"]) == ["silence"]
    assert found["sets"]["good+hard-1-silence"]["articles"] == 9
    assert found["hard"]["good+hard-1-silence"]["all"]["articles"] == 6
    assert "| macro average, mixed " in printed
    assert "| hard-1-silence " in printed


def test_hard_streams_alone_need_no_labelled_set(data: Path) -> None:
    encoder = CachedEncoder("words", WordEncoder, data.parent / "cache", lambda *_: None)
    vectorize(generate_hard_stream(parse_hard_stream("hard-1-silence")).stream, encoder)
    arguments = ("hard-1-silence", "--disordered", "1", "--undated-share", "1")
    found = json.loads(evaluate(data, *arguments, "--format", "json").stdout)
    assert list(found["sets"]) == ["hard-1-silence"]
    assert found["macro"]["b3"] == found["sets"]["hard-1-silence"]["b3"]


def test_hard_streams_alone_need_no_data_folder(data: Path) -> None:
    encoder = CachedEncoder("words", WordEncoder, data.parent / "cache", lambda *_: None)
    vectorize(generate_hard_stream(parse_hard_stream("hard-1-silence")).stream, encoder)
    found = json.loads(
        evaluate(data / "nowhere", "hard-1-silence", "--format", "json", cache=data.parent / "cache").stdout
    )
    assert list(found["sets"]) == ["hard-1-silence"]


def test_a_share_of_no_hard_stream_is_refused(data: Path) -> None:
    outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(
        newsloom, ["evaluate", "--data", str(data), "good", "--hard-share", "0.3"]
    )
    assert isinstance(outcome.exception, ConfigurationError)
    assert str(outcome.exception) == "--hard-share needs a hard stream to mix in: add one to the sets, such as hard-1"


class NoEvaluation:
    """An import hook that behaves as if the package were not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "evaluation":
            raise ModuleNotFoundError("No module named 'evaluation'", name=name)


def test_without_the_package_the_command_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "evaluation"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "services.cli.commands.evaluate", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoEvaluation(), *sys.meta_path])
    try:
        outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(
            newsloom, ["evaluate", "--data", "labelled", "good"]
        )
        assert isinstance(outcome.exception, ConfigurationError)
        assert "pip install 'newsloom[evaluation]'" in str(outcome.exception)
        assert (
            "not part of this installation"
            in CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(newsloom, ["--help"]).stdout
        )
    finally:
        # Later tests must not get the module that was imported without the package.
        sys.modules.pop("services.cli.commands.evaluate", None)


@pytest.mark.parametrize("option", ["--keep", "--cache"])
def test_a_folder_that_cannot_be_created_is_named_at_once(data: Path, option: str) -> None:
    outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(
        newsloom, ["evaluate", "--data", str(data), option, "/proc/nowhere", "good"]
    )
    assert isinstance(outcome.exception, ConfigurationError)
    assert str(outcome.exception).startswith(f"{option} /proc/nowhere cannot be created: ")


@pytest.mark.parametrize("sets", [(), ("good",), ("good", "hard-1-silence")])
def test_a_missing_data_folder_is_named(data: Path, monkeypatch: pytest.MonkeyPatch, sets: tuple[str, ...]) -> None:
    monkeypatch.setenv("NEWSLOOM_TEST_DATA", str(data / "nowhere"))
    outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(
        newsloom, ["evaluate", "--cache", str(data.parent / "cache"), *sets]
    )
    assert isinstance(outcome.exception, ConfigurationError)
    assert "name a folder of NAME.jsonl.gz files with --data or NEWSLOOM_TEST_DATA" in str(outcome.exception)
