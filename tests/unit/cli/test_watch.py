from __future__ import annotations

import os
import signal
import subprocess
import sys

from newsloom.contracts.codec import decode_update, encode
from newsloom.contracts.story import Cause, StoryState, UpdateKind
from newsloom.streaming.open import open_log_url
from tests.unit.cli.harness import HOSTILE, HOSTILE_SHOWN, CliHarness, update, update_message

A, B = "st-aaaaaaaaaaaaaaaa", "st-bbbbbbbbbbbbbbbb"


def test_one_line_for_each_update(harness: CliHarness) -> None:
    harness.write(
        [
            update_message(value)
            for value in (
                update(A, 1),
                update(A, 2, article_count=13, article_count_before=12, leanings={"left": 3, "center": 9}),
                update(B, 1, kind=UpdateKind.MERGED, cause=Cause.SIMILARITY, state=StoryState.MERGED, merged_into=A),
                update(A, 3, kind=UpdateKind.MERGED, cause=Cause.SIMILARITY, merged_from=(B,)),
                update(A, 4, cause=Cause.RELATED, article_count_before=4, related=("st-x", "st-y")),
                update(A, 5, cause=Cause.RETRACTION, article_count=4, article_count_before=5),
                update(A, 6, kind=UpdateKind.CLOSED, cause=Cause.SILENCE, title=HOSTILE, article_count_before=6),
            )
        ]
    )
    result = harness.run("watch", "--from-start", "--until-idle", "0")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"2025-04-18 09:13Z  created               1 article  L1 C0 R0  {A}  Title of {A}",
        f"2025-04-18 09:14Z  updated    13 articles, from 12  L3 C9 R0  {A}  Title of {A}",
        f"2025-04-18 09:13Z  merged                1 article  L1 C0 R0  {B}  -> merged into {A}  Title of {B}",
        f"2025-04-18 09:15Z  merged       3 articles, from 2  L3 C0 R0  {A}  <- merged with {B}  Title of {A}",
        f"2025-04-18 09:16Z  updated              4 articles  L4 C0 R0  {A}  (2 related)  Title of {A}",
        f"2025-04-18 09:17Z  updated      4 articles, from 5  L5 C0 R0  {A}  (retraction)  Title of {A}",
        f"2025-04-18 09:18Z  closed               6 articles  L6 C0 R0  {A}  {HOSTILE_SHOWN}",
    ]


def test_only_one_story_or_one_edition(harness: CliHarness) -> None:
    harness.write([update_message(value) for value in (update(A, 1), update(B, 1, edition="de"), update(A, 2))])
    by_story = harness.run("watch", "--from-start", "--until-idle", "0", "--story", "st-a", "--format", "json")
    assert [decode_update(line.encode()).version for line in by_story.stdout.splitlines()] == [1, 2]
    by_edition = harness.run("watch", "--from-start", "--until-idle", "0", "--edition", "de")
    assert [B in line for line in by_edition.stdout.splitlines()] == [True]


def test_json_is_the_encoded_update(harness: CliHarness) -> None:
    value = update(A, 1, title=HOSTILE)
    harness.write([update_message(value)])
    result = harness.run("watch", "--from-start", "--until-idle", "0", "--format", "json")
    assert result.stdout_bytes == encode(value) + b"\n"


def test_without_from_start_earlier_updates_are_not_shown(harness: CliHarness) -> None:
    harness.write([update_message(update(A, 1))])
    result = harness.run("watch", "--until-idle", "0")
    assert (result.exit_code, result.stdout) == (0, "")


def test_new_updates_are_shown_until_ctrl_c(harness: CliHarness) -> None:
    harness.write([update_message(update(A, 1))])
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli", "--log", harness.settings.log, "watch", "--from-start"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    ) as watching:
        assert watching.stdout is not None
        assert "created" in watching.stdout.readline()
        harness.write([update_message(update(A, 2))])
        assert "2 articles, from 1" in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        rest, errors = watching.communicate(timeout=20)
    assert (watching.returncode, rest, errors) == (0, "", "")


def test_missing_topics_are_reported_with_the_command_that_creates_them(harness: CliHarness) -> None:
    other = harness.settings.log + ".other"
    open_log_url(other).close()
    result = harness.run("--log", other, "watch")
    assert "topic news.story-updates does not exist" in str(result.exception)
    assert "newsloom topics create" in str(result.exception)
