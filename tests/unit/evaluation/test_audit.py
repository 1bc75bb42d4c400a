from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from evaluation import ablation, audit
from evaluation.audit import JudgedProposal, judge_proposals, judged_table
from evaluation.replays.audit_replay import AuditConfiguration, ProposalKind, replay_by_day, replay_with_audits
from evaluation.replays.replay import replay
from evaluation.streams.encoder_cache import CachedEncoder
from evaluation.streams.event_stream import EventStream, build_event_stream, vectorize
from evaluation.streams.files import read_stream
from services.clusterer.core.parameters import Parameters
from tests.unit.evaluation.invented_stream import WordEncoder, rows_of_three_stories, write_stream

SHIPPED = Parameters()
APART = Parameters(bar_base=100.0)
TOGETHER = Parameters(bar_base=-100.0)
LABELS = {"flood": 0, "strike": 1, "comet": 2}


@pytest.fixture
def stream(tmp_path: Path) -> EventStream:
    return build_event_stream(read_stream(write_stream(tmp_path, "good", rows_of_three_stories())), WordEncoder())


def groups(stories: dict[str, str]) -> set[frozenset[str]]:
    return {frozenset(one for one in stories if stories[one] == story) for story in stories.values()}


def gold_groups(stream: EventStream) -> set[frozenset[str]]:
    return groups(dict(zip(stream.gold.ids, stream.gold.stories, strict=True)))


def test_days_are_in_order_and_have_every_article(stream: EventStream) -> None:
    found = list(replay_by_day(stream.events, SHIPPED))
    assert [len(memberships) for _, memberships in found] == [3, 3, 3]
    assert {member.article_id for _, memberships in found for member in memberships} == set(stream.gold.ids)


def test_applied_merges_repair_an_engine_that_never_joins(stream: EventStream) -> None:
    assert len(groups(replay(stream.events, APART).final)) == 9
    configuration = AuditConfiguration(parameters=APART, applied=ProposalKind.MERGES, quorum=1.0)
    assert groups(replay_with_audits(stream.events, configuration)) == gold_groups(stream)
    assert judge_proposals(stream, APART)
    assert all(one == JudgedProposal(ProposalKind.MERGES, 1.0, True) for one in judge_proposals(stream, APART))


def test_applied_splits_repair_an_engine_that_always_joins(stream: EventStream) -> None:
    assert len(groups(replay(stream.events, TOGETHER).final)) == 1
    configuration = AuditConfiguration(parameters=TOGETHER, applied=ProposalKind.SPLITS, quorum=0.8)
    stories = replay_with_audits(stream.events, configuration)
    assert set(stories) == set(stream.gold.ids)
    assert len(groups(stories)) > 1
    assert {one.kind for one in judge_proposals(stream, TOGETHER)} == {ProposalKind.SPLITS}


def test_proposals_of_the_other_kind_are_not_applied(stream: EventStream) -> None:
    configuration = AuditConfiguration(parameters=APART, applied=ProposalKind.SPLITS, quorum=0.5)
    assert replay_with_audits(stream.events, configuration) == replay(stream.events, APART).final


def test_right_proposals_are_counted_by_least_quorum() -> None:
    one = [JudgedProposal(ProposalKind.MERGES, 0.5, False), JudgedProposal(ProposalKind.MERGES, 0.9, True)]
    printed = judged_table({"one": one, "two": [JudgedProposal(ProposalKind.MERGES, 1.0, True)]})
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
def test_the_page_is_printed_and_written(command: click.Command, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    cache = CachedEncoder("words", WordEncoder, tmp_path / "cache", lambda *_: None)
    vectorize(read_stream(write_stream(folder, "good", rows_of_three_stories())), cache)
    arguments = ["--data", str(folder), "--cache", str(tmp_path / "cache"), "--keep", str(tmp_path / "results")]
    outcome = CliRunner(env={"NEWSLOOM_MODEL": "words"}).invoke(command, [*arguments, "--processes", "1"])
    assert outcome.exception is None, outcome.output
    assert (tmp_path / "results" / f"{name}.md").read_text() == outcome.stdout
    assert "| merges of the audit, quorum 50% " in outcome.stdout
