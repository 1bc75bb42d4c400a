"""No command lets data from the log control the terminal: not as text, not as JSON, not in an error message."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import Result
from rich.console import Console

from newsloom.contracts.codec import encode
from newsloom.contracts.command import CommandKind, CommandRef
from newsloom.contracts.membership import Checkpoint, Membership, MergeDecision
from newsloom.contracts.story import ArticleRef, Cause, HistoryEntry, Story, StoryState, UpdateKind
from newsloom.service import EXIT_CONFIGURATION, EXIT_LOG
from newsloom.streaming.errors import ConfigurationError
from newsloom.terminal import JOINERS
from services.cli.__main__ import main
from services.cli.commands import dead_letters  # imported before a test patches formatting.is_terminal
from services.cli.views.demo_summary import print_stories
from services.cli.views.ingest_progress import IngestDisplay
from services.ingest.article_parser import InvalidLine
from services.ingest.lines import Line
from services.local.demo_result import DemoResult, RecordCounts
from tests.failure_lines import failure
from tests.unit.cli.harness import NINE, CliHarness, letter_message, story, story_message, update, update_message
from tests.unit.cli.test_audit import MIXED, state_message, state_of
from tests.unit.cli.test_explain import JOINED, member
from tests.unit.clusterer.test_audit import OTHERS, edition_of, reports

HOSTILE = (
    "\x1b]0;owned\x07\x9b31m\x90\x85x\r\b\x7f\u202e\u2066gnp\u2028[red][link=http://evil]y[/link]\x00\U000e0041 :smile:"
)
"""A window title, colours, C1 controls, carriage return, backspace, bidi overrides, line separators, rich markup, tags."""
STORY = f"st-{HOSTILE}1"
OTHER = f"st-{HOSTILE}2"
COMMAND = CommandRef(id="c-1", kind=CommandKind.PIN, by=f"Jane {HOSTILE}", why=HOSTILE, issued_at=NINE)


def unsafe_characters(text: str) -> set[str]:
    """Return the characters that could control a terminal or reorder the text on it."""
    allowed = {"\n", *JOINERS}
    return {
        character
        for character in text
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} and character not in allowed
    }


def printed(result: Result) -> str:
    """Return the output of the command. If it raised an exception, check that `main` would print it."""
    assert result.exception is None or isinstance(result.exception, SystemExit | ConfigurationError), result.exception
    return result.stdout_bytes.decode() + result.stderr_bytes.decode()


def hostile_story(story_id: str, **changed: Any) -> Story:
    article = ArticleRef(id=HOSTILE, title=HOSTILE, published_at=NINE, outlet=HOSTILE, url=HOSTILE, copy_of=HOSTILE)
    given: dict[str, Any] = {
        "title": HOSTILE,
        "title_article_id": HOSTILE,
        "outlets": {HOSTILE: 12, HOSTILE + "2": 1},
        "leanings": {HOSTILE: 3},
        "articles": (article,),
        "history": (HistoryEntry(version=1, at=NINE, article_count=13, title=HOSTILE, cause=Cause.COMMAND),),
        "merged_from": (OTHER,),
        "split_from": OTHER,
        "split_into": (OTHER, HOSTILE),
        "kept_apart": (OTHER, HOSTILE),
        "related": (OTHER, HOSTILE),
        "pinned": COMMAND,
    }
    return story(story_id, **(given | changed))


def hostile_member(number: int, story_id: str, **changed: Any) -> Membership:
    given = member(f"{number}{HOSTILE}", number, JOINED, story_id=story_id)
    hostile = {
        "title": HOSTILE,
        "outlet": HOSTILE,
        "url": HOSTILE,
        "language": HOSTILE[:35],
        "copy_of": f"1{HOSTILE}",
        "placed_by": COMMAND,
    }
    merge = MergeDecision(from_story_id=OTHER, affinity=0.5, bar=0.4, command=COMMAND)
    return msgspec.structs.replace(given, merge=merge, **(hostile | changed))


@pytest.fixture
def hostile_log(harness: CliHarness) -> CliHarness:
    """A harness with hostile text in every field that may hold it."""
    kinds: dict[UpdateKind, dict[str, Any]] = {
        UpdateKind.UPDATED: {"cause": Cause.COMMAND, "command": COMMAND},
        UpdateKind.MERGED: {"merged_into": OTHER, "state": StoryState.MERGED},
        UpdateKind.SPLIT: {"split_into": (OTHER,)},
        UpdateKind.CREATED: {"split_from": OTHER},
    }
    updates = [
        update(STORY, version, kind=kind, title=HOSTILE, outlets={HOSTILE: 1}, **changed)
        for version, (kind, changed) in enumerate(kinds.items(), start=1)
    ]
    merged = hostile_story(OTHER, state=StoryState.MERGED, merged_into=STORY)
    harness.write(
        [
            story_message(hostile_story(STORY)),
            story_message(merged),
            *map(update_message, updates),
            *(state_message(hostile_member(number, STORY)) for number in (1, 2)),
            state_message(Checkpoint(edition="main", watermark=NINE, next_sequence=3, model=HOSTILE, dimension=8)),
            letter_message(
                HOSTILE.encode(),
                HOSTILE,
                topic=f"news.{HOSTILE}",
                key=HOSTILE.encode(),
                headers=((HOSTILE, HOSTILE.encode()),),
            ),
            letter_message(json.dumps({HOSTILE: HOSTILE}, ensure_ascii=False).encode(), HOSTILE, offset=6),
        ]
    )
    return harness


@pytest.mark.parametrize(
    "arguments",
    [
        ("watch", "--from-start", "--until-idle", "0"),
        ("watch", "--from-start", "--until-idle", "0", "--format", "json"),
        ("stories",),
        ("stories", "--all"),
        ("stories", "--format", "json"),
        ("stories", STORY),
        ("stories", OTHER),
        ("stories", STORY, "--format", "json"),
        ("stories", "st-"),
        ("stories", HOSTILE),
        ("stories", "merge", STORY, STORY, "--why", HOSTILE, "--by", HOSTILE),
        ("stories", "merge", STORY, OTHER, "--why", "x", "--by", "y"),
        ("stories", "split", STORY, f"1{HOSTILE}", f"2{HOSTILE}", f"3{HOSTILE}", "--why", "x", "--by", "y"),
        ("stories", "move", f"1{HOSTILE}", STORY, "--why", "x", "--by", "y"),
        ("stories", "pin", STORY, "--why", "x", "--by", "y"),
        ("explain", STORY),
        ("explain", OTHER),
        ("explain", STORY, "--format", "json"),
        ("explain", f"1{HOSTILE}"),
        ("explain", f"1{HOSTILE}", "--format", "json"),
        ("explain", HOSTILE),
        ("dead-letters", "list"),
        ("dead-letters", "list", "--format", "json"),
        ("dead-letters", "show", "0"),
        ("dead-letters", "show", "1"),
        ("dead-letters", "show", HOSTILE),
        ("dead-letters", "replay", "0"),
        ("audit",),
        ("topics", "check"),
        ("state", "verify"),
        ("state", "verify", "--format", "json"),
    ],
    ids=lambda arguments: " ".join(arguments).encode("unicode_escape").decode()[:60],
)
def test_no_command_lets_data_control_the_terminal(
    hostile_log: CliHarness, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cli.views.formatting.is_terminal", lambda: True)
    result = hostile_log.run(*arguments)
    text = printed(result)
    assert unsafe_characters(text) == set()
    # The command printed something or raised an error.
    assert text or result.exception is not None


@pytest.mark.parametrize("terminal", [True, False])
def test_escaped_json_decodes_to_the_same_data(
    hostile_log: CliHarness, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr("services.cli.views.formatting.is_terminal", lambda: terminal)
    line = hostile_log.run("stories", STORY, "--format", "json").stdout_bytes
    assert msgspec.json.decode(line, type=Story) == hostile_story(STORY)
    assert (line == encode(hostile_story(STORY)) + b"\n") is not terminal
    letter = json.loads(hostile_log.run("dead-letters", "list", "--format", "json").stdout_bytes.split(b"\n")[0])
    assert (letter["key"], letter["reason"]) == (HOSTILE, HOSTILE)


def test_escaped_text_stays_readable(hostile_log: CliHarness) -> None:
    text = hostile_log.run("stories", STORY).stdout
    assert (
        r"\x1b]0;owned\x07\x9b31m\x90 x \x08\x7f\u202e\u2066gnp [red][link=http://evil]y[/link]\x00\U000e0041 :smile:"
        in text
    )


def test_the_audit_escapes_hostile_stories(harness: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.views.formatting.is_terminal", lambda: True)
    monkeypatch.setenv("NEWSLOOM_MODEL", "test")
    edition = edition_of(MIXED, reports(2, range(10, 12)), *OTHERS)
    for one in edition.stories.values():
        one.title = HOSTILE
    harness.write(state_of(edition))
    for form in ("text", "json"):
        result = harness.run("audit", "--format", form)
        assert result.exit_code == 0
        assert r"\u202e" in result.stdout
        assert unsafe_characters(printed(result)) == set()


def test_raw_bytes_are_not_written_to_a_terminal(hostile_log: CliHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hostile_log.run("dead-letters", "show", "0", "--raw").stdout_bytes == HOSTILE.encode()
    monkeypatch.setattr(dead_letters, "is_terminal", lambda: True)
    result = hostile_log.run("dead-letters", "show", "0", "--raw")
    assert result.exit_code == 2
    assert unsafe_characters(printed(result)) == set()


def test_the_errors_of_rejected_lines_are_escaped(harness: CliHarness, tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl"
    lines = [
        {"id": "1", "title": "t", "text": "x", "leaning": HOSTILE},
        {"id": "2", "title": "t", "text": "x", "edition": HOSTILE},
        {"id": "3", "title": "t", "text": "x", "published_at": HOSTILE},
        {HOSTILE: HOSTILE},
    ]
    file.write_text(
        "\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n" + HOSTILE.replace("\n", "")
    )
    result = harness.run("ingest", str(file))
    assert "rejected" in printed(result)
    assert unsafe_characters(printed(result)) == set()


def test_the_progress_of_an_ingest_interprets_no_emoji_and_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    display = IngestDisplay(bar=False)
    display.on_rejected(Line(1, b""), InvalidLine(HOSTILE))
    text = capsys.readouterr().err
    assert ":smile:" in text
    assert "[red]" in text
    assert unsafe_characters(text) == set()


def test_the_summary_of_the_demo_is_escaped() -> None:
    screen = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=200, markup=False, emoji=False)
    outcome = DemoResult(stories=(hostile_story(STORY),), merged=0, records=RecordCounts(1, 0, 0, 0), dead_letters=0)
    print_stories(screen, outcome)
    assert isinstance(screen.file, io.StringIO)
    assert "[red]" in screen.file.getvalue()
    assert unsafe_characters(screen.file.getvalue()) == set()


def test_the_errors_of_a_command_are_escaped(
    hostile_log: CliHarness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEWSLOOM_LOG", hostile_log.settings.log)
    monkeypatch.setenv("NEWSLOOM_MODEL", "test")
    damaged = replace(
        story_message(hostile_story("st-1")), value=b'{"id": "st-1", "state": "' + HOSTILE[:8].encode() + b'"}'
    )
    hostile_log.write([replace(damaged, headers=(("ce_type", HOSTILE.encode()),))])
    monkeypatch.setattr("sys.argv", ["newsloom", "audit"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == EXIT_CONFIGURATION
    text = capsys.readouterr().err
    assert "owned" in text
    assert unsafe_characters(text) == set()


SERVICE = """
import sys
from newsloom.service import main
from newsloom.streaming.dead_letters import TooManyDeadLetters

def build(*_):
    raise TooManyDeadLetters("the latest because: " + sys.argv[1])

sys.exit(main("embedder", build, records_max=1))
"""


def test_the_last_line_of_a_service_is_escaped(harness: CliHarness) -> None:
    argument = HOSTILE.replace("\0", "")  # the arguments of a process cannot hold a null byte
    environ = {**os.environ, "NEWSLOOM_LOG": harness.settings.log}
    ended = subprocess.run(
        [sys.executable, "-c", SERVICE, argument], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == EXIT_LOG
    (line,) = ended.stderr.splitlines()
    assert "owned" in failure(line)
    assert unsafe_characters(line) == set()
