from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from newsloom.contracts.codec import encode
from newsloom.contracts.story import StoryState
from tests.unit.cli.harness import HOSTILE, HOSTILE_SHOWN, NINE, CliHarness, story, story_message

A, AB, B, C = "st-aaaaaaaaaaaaaaaa", "st-aabaaaaaaaaaaaaa", "st-bbbbbbbbbbbbbbbb", "st-cccccccccccccccc"
STORIES = [
    story(B, 5, edition="de"),
    story(A, 17),
    story(C, 9, state=StoryState.CLOSED),
    story(AB, 2, state=StoryState.MERGED, merged_into=A, articles=()),
]


@pytest.fixture
def filled(harness: CliHarness) -> CliHarness:
    harness.write([story_message(story(A, 12)), *map(story_message, STORIES)])
    return harness


def ids(output: str) -> list[str]:
    return [
        word for line in output.splitlines() for word in line.split() if word.startswith("st-") and len(word) == 19
    ][::2]


def test_open_stories_are_listed_latest_updated_first(filled: CliHarness) -> None:
    result = filled.run("stories")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "articles  reports  leanings  updated            id                   title",
        f"      17       16  L3 C7 R2  2025-04-19 02:12Z  {A}  Title of {A}",
        f"       5        4  L3 C7 R2  2025-04-18 14:12Z  {B}  Title of {B}",
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--all"], [A, C, B, AB]),
        (["--edition", "de"], [B]),
        (["--min-articles", "6"], [A]),
        (["--all", "--limit", "2"], [A, C]),
        (["--all", "--limit", "0"], [A, C, B, AB]),
        (["--edition", "fr"], []),
    ],
)
def test_options_select_stories(filled: CliHarness, options: list[str], expected: list[str]) -> None:
    result = filled.run("stories", *options)
    assert (result.exit_code, ids(result.stdout)) == (0, expected)


@pytest.mark.parametrize("arguments", [[], [A], ["--all", "--limit", "2"], ["--format", "json"]])
def test_list_is_the_default_command(filled: CliHarness, arguments: list[str]) -> None:
    assert filled.run("stories", *arguments).stdout == filled.run("stories", "list", *arguments).stdout != ""


def test_help_lists_the_corrections(filled: CliHarness) -> None:
    shown = filled.run("stories", "--help").stdout
    assert [name for name in ("list", "merge", "split", "move", "pin") if f"\n  {name} " not in shown] == []


def test_a_shortened_or_empty_list_is_reported(filled: CliHarness) -> None:
    assert filled.run("stories", "--limit", "1").stderr == "1 of 2 stories; `--limit 0` shows all\n"
    assert "no such stories" in filled.run("stories", "--min-articles", "99").stderr


def test_json_contains_every_story_sorted_by_id_regardless_of_order_and_partition(
    filled: CliHarness, tmp_path: Path
) -> None:
    expected = b"".join(encode(value) + b"\n" for value in sorted(STORIES, key=lambda value: value.id))
    assert filled.run("stories", "--format", "json").stdout_bytes == expected
    (tmp_path / "other").mkdir()
    other = CliHarness(tmp_path / "other", state_partitions=3)
    other.write([story_message(value, partition=index % 3) for index, value in enumerate(reversed(STORIES))])
    assert other.run("stories", "--format", "json").stdout_bytes == expected


def test_a_forgotten_story_is_not_found(filled: CliHarness) -> None:
    filled.write([story_message(None, story_id=A)])
    result = filled.run("stories", A)
    assert result.exit_code == 1
    assert "there is no story" in result.stderr


def test_one_story_in_full(harness: CliHarness) -> None:
    harness.write(
        [
            story_message(
                story(A, 17, title=HOSTILE, articles_omitted=15, merged_from=(AB,), split_from="st-gone", related=(B,))
            ),
            story_message(STORIES[0]),
            story_message(STORIES[3]),
        ]
    )
    result = harness.run("stories", A[:6])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        HOSTILE_SHOWN,
        f"{A}, open, edition main, version 17",
        "17 articles (3 left, 7 center, 2 right), 16 distinct reports, 2 outlets",
        "published 2025-04-18 09:12Z to 2025-04-18 11:12Z, updated 2025-04-19 02:12Z",
        "",
        "History",
        "11 articles -> 17 articles",
        "2025-04-18 20:12Z  11 articles  v11  Talks in Paris",
        "2025-04-19 02:12Z  17 articles  v17",
        "",
        "Articles, newest first, 15 earlier ones are not listed",
        "2025-04-18 09:12Z  -     copy  Evening Post  Talks again",
        "2025-04-18 09:12Z  left        Morning Wire  Talks",
        "",
        "Outlets",
        "Morning Wire 16, Evening Post 1",
        "",
        "Merged from",
        f"{AB}  Title of {AB}",
        "",
        "Split from",
        "st-gone",
        "",
        "Related",
        f"{B}  Title of {B}",
    ]


def test_a_merged_story_shows_its_successor(filled: CliHarness) -> None:
    assert f"Merged into {A}  Title of {A}" in filled.run("stories", AB).stdout.splitlines()


def test_one_story_in_json(filled: CliHarness) -> None:
    assert filled.run("stories", B, "--format", "json").stdout_bytes == encode(STORIES[0]) + b"\n"


@pytest.mark.parametrize(
    ("story_id", "message"),
    [("st-zz", "there is no story 'st-zz'"), ("st-aa", f"2 stories begin with 'st-aa': {A}, {AB}")],
)
def test_a_missing_or_ambiguous_story_is_reported(filled: CliHarness, story_id: str, message: str) -> None:
    result = filled.run("stories", story_id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_a_record_that_is_not_a_story_is_reported(filled: CliHarness) -> None:
    broken = story_message(story("st-d"))
    filled.write([type(broken)(broken.topic, broken.key, b'{"id": 3}', partition=0)])
    result = filled.run("stories")
    assert "news.stories partition 0 offset 5 cannot be read" in str(result.exception)


def test_stories_are_sorted_by_event_time(harness: CliHarness) -> None:
    harness.write(
        [story_message(story(A, 3, updated_at=NINE)), story_message(story(B, 3, updated_at=NINE + timedelta(days=1)))]
    )
    assert ids(harness.run("stories").stdout) == [B, A]
