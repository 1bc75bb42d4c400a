from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.membership import Checkpoint, Membership, checkpoint_key, membership_key
from newsloom.contracts.proposal import ProposalStory, SplitProposal
from newsloom.contracts.vector import ArticleVector
from newsloom.streaming.records import Message
from services.cli.views.proposals import shell_command
from services.clusterer.core.edition import EditionState
from services.clusterer.core.publication import story_snapshot
from services.clusterer.state import checkpoint_of
from tests.laws.streams import article
from tests.unit.cli.harness import HOSTILE, CliHarness, story_message
from tests.unit.clusterer.test_audit import OTHERS, edition_of, ids, reports


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLOOM_MODEL", "test")


def state_of(edition: EditionState) -> list[Message]:
    """Build the records that the clusterer would write for the edition."""
    stories = [story_message(story_snapshot(story, edition.name, edition.copies)) for story in edition.stories.values()]
    members = [member for story in edition.stories.values() for member in story.members.values()]
    return [*stories, *map(state_message, members), state_message(checkpoint_of(edition))]


def state_message(record: Membership | Checkpoint) -> Message:
    subject = "" if isinstance(record, Checkpoint) else record.article_id
    key = membership_key(record.edition, subject) if subject else checkpoint_key(record.edition)
    return Message("news.article-stories", key, encode(record), partition=0)


def titled(edition: EditionState) -> EditionState:
    for number, story in enumerate(edition.stories.values()):
        story.title = f"Title of {number}"
    return edition


MIXED = [*reports(0, range(4)), *reports(1, range(4, 7))]


@pytest.mark.usefixtures("model")
def test_text_shows_each_proposal_with_evidence_and_command(harness: CliHarness) -> None:
    edition = titled(edition_of(MIXED, reports(2, range(10, 12)), *OTHERS))
    harness.write(state_of(edition))
    mixed, small, large, _ = ids(edition)
    result = harness.run("audit")
    assert (result.exit_code, result.stderr) == (0, "2 proposals, strongest first; nothing was changed\n")
    lines = result.stdout.splitlines()
    assert lines[0] == "Merge two stories, edition main"
    assert lines[1].startswith("3 of 3 and 2 of 2 reports are in one cluster, affinity 0.")
    assert [line.split() for line in lines[2:4]] == [
        ["3", "articles", large, "Title", "of", "2"],
        ["2", "articles", small, "Title", "of", "1"],
    ]
    assert shlex.split(lines[4])[:5] == ["newsloom", "stories", "merge", large, small]
    assert shlex.split(lines[4])[5:] == ["--why", f"audit: {lines[1].partition(';')[0]}"]
    assert lines[6] == "Split off 3 articles, edition main"
    assert lines[7].startswith("3 of 7 reports are in a cluster of their own, 100% in some cluster, affinity ")
    assert shlex.split(lines[10])[:5] == ["newsloom", "stories", "split", mixed, "--why"]
    assert shlex.split(lines[10])[6:] == ["--", "a4", "a5", "a6"]


@pytest.mark.usefixtures("model")
def test_json_and_the_edition_option(harness: CliHarness) -> None:
    edition = edition_of(MIXED, reports(2, range(10, 12)), *OTHERS)
    harness.write(state_of(edition))
    merge, split = map(json.loads, harness.run("audit", "--format", "json").stdout.splitlines())
    assert (merge["kind"], split["kind"]) == ("merge", "split")
    assert merge["command"].startswith(f"newsloom stories merge {merge['survivor']['story_id']} ")
    assert split["articles"] == ["a4", "a5", "a6"]
    assert harness.run("audit", "--edition", "main", "--format", "json").stdout.count("\n") == 2
    result = harness.run("audit", "--edition", "de")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nothing to propose\n")


@pytest.mark.usefixtures("model")
def test_the_audit_ignores_state_that_changes_while_it_is_read(harness: CliHarness) -> None:
    """`stories` is read before the memberships: an article or a story may be added between the two."""
    edition = edition_of(MIXED, *OTHERS)
    before = [message for message in state_of(edition) if message.topic == "news.stories"]
    other = edition_of(MIXED, [*OTHERS[0], *reports(2, range(50, 51))], OTHERS[1], [new_article(60)])
    assert ids(edition) == ids(other)[:3]
    harness.write([*before, *(message for message in state_of(other) if message.topic != "news.stories")])
    result = harness.run("audit", "--format", "json")
    assert result.exit_code == 0
    assert [json.loads(line)["kind"] for line in result.stdout.splitlines()] == ["split"]


def new_article(number: int) -> ArticleVector:
    return article(number, subject=5)


def test_the_audit_refuses_another_model(harness: CliHarness) -> None:
    harness.write(state_of(edition_of(MIXED, *OTHERS)))
    result = harness.run("audit")
    assert "NEWSLOOM_MODEL is 'all-MiniLM-L6-v2'" in str(result.exception)


@pytest.mark.parametrize("article_id", ["-rf", "a b", "it's", HOSTILE, "Zürich\\x", "$(true)"])
def test_a_proposed_command_quotes_article_ids_for_the_shell_and_the_terminal(article_id: str) -> None:
    side = ProposalStory(story_id="st-a", title="", article_count=4, report_count=4, agreeing=3)
    proposal = SplitProposal(
        edition="main",
        strength=0.5,
        quorum=1.0,
        affinity=0.1,
        bar=0.4,
        similarity=0.2,
        cohesion=0.5,
        story=side,
        title="",
        articles=(article_id,),
    )
    command = shell_command(proposal)
    assert all(character.isprintable() for character in command)
    assert words(command)[-2:] == ["--", article_id]


def words(command: str) -> Sequence[str]:
    """Return the words into which a shell splits the command."""
    script = f"set -- {command}; printf '%s\\0' \"$@\""
    printed = subprocess.run(["bash", "-c", script], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    return printed.stdout.decode().split("\0")[:-1]
