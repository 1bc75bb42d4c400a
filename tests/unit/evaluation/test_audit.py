from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from evaluation import ablation, audit
from evaluation.audit import Judged, judged, render_judged
from evaluation.replays.audit_replay import Audited, Kind, days, replay_audited
from evaluation.replays.replay import replay
from evaluation.streams.event_stream import Prepared, prepare_stream
from evaluation.streams.stream import read_stream
from evaluation.streams.vectors import CachedEncoder, vectorize
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.newsroom import WordEncoder, rows_of_three_stories, write_stream

SHIPPED = Parameters()
APART = Parameters(bar_base=100.0)
TOGETHER = Parameters(bar_base=-100.0)
LABELS = {"flood": 0, "strike": 1, "comet": 2}


@pytest.fixture
def stream(tmp_path: Path) -> Prepared:
    return prepare_stream(read_stream(write_stream(tmp_path, "good", rows_of_three_stories())), WordEncoder())


def groups(places: dict[str, str]) -> set[frozenset[str]]:
    return {frozenset(article for article in places if places[article] == story) for story in places.values()}


def gold_groups(stream: Prepared) -> set[frozenset[str]]:
    return groups(dict(zip(stream.gold.ids, stream.gold.stories, strict=True)))


def test_days_follow_one_another_and_miss_no_article(stream: Prepared) -> None:
    found = list(days(stream.events, SHIPPED))
    assert [len(memberships) for _, memberships in found] == [3, 3, 3]
    assert {member.article_id for _, memberships in found for member in memberships} == set(stream.gold.ids)


def test_merges_carried_out_mend_an_engine_that_tells_everything_apart(stream: Prepared) -> None:
    assert len(groups(replay(stream.events, APART).final)) == 9
    carried_out = Audited(parameters=APART, carried_out=Kind.MERGES, quorum=1.0)
    assert groups(replay_audited(stream.events, carried_out)) == gold_groups(stream)
    assert judged(stream, APART)
    assert all(one == Judged(Kind.MERGES, 1.0, True) for one in judged(stream, APART))


def test_splits_carried_out_mend_an_engine_that_tells_nothing_apart(stream: Prepared) -> None:
    assert len(groups(replay(stream.events, TOGETHER).final)) == 1
    carried_out = Audited(parameters=TOGETHER, carried_out=Kind.SPLITS, quorum=0.8)
    places = replay_audited(stream.events, carried_out)
    assert set(places) == set(stream.gold.ids)
    assert len(groups(places)) > 1
    assert {one.kind for one in judged(stream, TOGETHER)} == {Kind.SPLITS}


def test_the_other_kind_is_left_alone(stream: Prepared) -> None:
    carried_out = Audited(parameters=APART, carried_out=Kind.SPLITS, quorum=0.5)
    assert replay_audited(stream.events, carried_out) == replay(stream.events, APART).final


def test_right_ones_are_counted_from_a_quorum_on() -> None:
    one = [Judged(Kind.MERGES, 0.5, False), Judged(Kind.MERGES, 0.9, True)]
    printed = render_judged({"one": one, "two": [Judged(Kind.MERGES, 1.0, True)]})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed.splitlines()]
    assert rows[2:5] == [
        ["merges, quorum 50%", "1 of 2", "1 of 1", "2 of 3"],
        ["merges, quorum 80%", "1 of 1", "1 of 1", "2 of 2"],
        ["merges, quorum 100%", "0 of 0", "1 of 1", "1 of 1"],
    ]


@pytest.mark.parametrize(
    ("command", "name"),
    [(audit.command, "audit"), pytest.param(ablation.command, "ablation", marks=pytest.mark.slow)],
)
def test_what_is_printed_is_kept(command: click.Command, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    cache = CachedEncoder("words", WordEncoder, tmp_path / "cache", lambda *_: None)
    vectorize(read_stream(write_stream(folder, "good", rows_of_three_stories())), cache)
    arguments = ["--data", str(folder), "--cache", str(tmp_path / "cache"), "--keep", str(tmp_path / "results")]
    outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(command, [*arguments, "--processes", "1"])
    assert outcome.exception is None, outcome.output
    assert (tmp_path / "results" / f"{name}.md").read_text() == outcome.stdout
    assert "| merges of the audit, quorum 50% " in outcome.stdout
