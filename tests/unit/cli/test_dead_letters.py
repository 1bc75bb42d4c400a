from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from newsloom.contracts.topics import DAY_MS
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from services.cli.views.dead_letter import value_lines
from tests.unit.cli.harness import AN_HOUR_AGO_MS, HOSTILE, HOSTILE_SHOWN, CliHarness, letter_message

WRONG_SIZE = "vector of 768, needs 384"


@pytest.fixture
def filled(harness: CliHarness) -> CliHarness:
    harness.write(
        [
            letter_message(b'{"id":3}', "id must be a string", headers=(("traceparent", b"00-1"),)),
            letter_message(b"\xff\x00\x01", "not JSON", offset=6, key=None),
            letter_message(b"{}", WRONG_SIZE, topic="news.article-vectors", offset=7, key=b"main"),
        ]
    )
    return harness


def topic(harness: CliHarness, name: str) -> list[Record]:
    with closing(harness.open()) as log:
        return list(read_topic(log, name))


def waiting_letters(harness: CliHarness) -> list[str]:
    lines = harness.run("dead-letters", "list", "--format", "json").stdout.splitlines()
    return [f"{letter['partition']}/{letter['offset']}" for letter in map(json.loads, lines)]


def test_list(filled: CliHarness) -> None:
    lines = filled.run("dead-letters", "list").stdout.splitlines()
    assert lines[0].split() == ["letter", "time", "service", "from", "bytes", "key", "reason"]
    cells = [[cell.strip() for cell in line.split("  ") if cell] for line in lines[1:]]
    assert [[row[0], *row[2:]] for row in cells] == [
        ["0/0", "embedder", "news.articles 0/5", "8", "k", "id must be a string"],
        ["0/1", "embedder", "news.articles 0/6", "3", "-", "not JSON"],
        ["0/2", "embedder", "news.article-vectors 0/7", "2", "main", WRONG_SIZE],
    ]


def test_list_in_json(filled: CliHarness) -> None:
    lines = filled.run(
        "dead-letters", "list", "--format", "json", "--topic", "news.article-vectors"
    ).stdout.splitlines()
    (letter,) = map(json.loads, lines)
    assert letter.pop("time").endswith("Z")
    assert letter == {
        "partition": 0,
        "offset": 2,
        "service": "embedder",
        "topic": "news.article-vectors",
        "origin": "0/7",
        "reason": WRONG_SIZE,
        "key": "main",
        "bytes": 2,
        "replayed": False,
    }


def test_show(filled: CliHarness) -> None:
    lines = filled.run("dead-letters", "show", "0/0").stdout.splitlines()
    assert lines[0].startswith("dead letter 0/0, waiting, ")
    assert lines[1:] == [
        "rejected by embedder: id must be a string",
        "came from news.articles 0/5",
        "key k",
        "traceparent: 00-1",
        "",
        "{",
        '  "id": 3',
        "}",
    ]


def test_show_raw_gives_the_bytes(filled: CliHarness) -> None:
    assert filled.run("dead-letters", "show", "1", "--raw").stdout_bytes == b"\xff\x00\x01"


def test_hostile_letters_are_shown_escaped(harness: CliHarness) -> None:
    hostile = HOSTILE.encode()
    harness.write([letter_message(b"\x1b[2J", HOSTILE, key=hostile, headers=((HOSTILE, hostile),))])
    for command in (["list"], ["show", "0/0"]):
        output = harness.run("dead-letters", *command).stdout
        assert HOSTILE_SHOWN in output
        assert not {"\x1b", "\x07", "\u202e"} & set(output)


def test_values_are_shown_as_json_text_or_hex() -> None:
    assert value_lines(None) == ["(no value: a retraction)"]
    assert value_lines('{"a":["\u202e",1.50]}'.encode()) == [
        "{",
        '  "a": [',
        r'    "\u202e",',
        "    1.50",
        "  ]",
        "}",
    ]
    assert value_lines(b"plain\n\ttext\x1b") == ["plain", r"    text\x1b"]
    assert value_lines(b"\xff" + b"A" * 16) == [
        "00000000  ff 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41  .AAAAAAAAAAAAAAA",
        "00000010  41                                               A",
    ]
    assert value_lines(b"[" * 100_000)[0].startswith("[[[")


@pytest.mark.parametrize("command", [["show", "0/9"], ["show", "4/0"], ["replay", "0/1", "0/9"]])
def test_a_missing_letter_is_reported(filled: CliHarness, command: list[str]) -> None:
    result = filled.run("dead-letters", *command)
    assert result.exit_code == 1
    assert "there is no dead letter" in result.stderr
    assert topic(filled, "news.articles") == []


@pytest.mark.parametrize("position", ["x", "0/", "/3", "1/2/3", "-1"])
def test_an_invalid_position_is_wrong_usage(filled: CliHarness, position: str) -> None:
    assert filled.run("dead-letters", "show", "--", position).exit_code == 2


def test_replay_sends_each_original_record_back_once(filled: CliHarness) -> None:
    result = filled.run("dead-letters", "replay")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "sent 1 dead letter back to news.article-vectors",
        "sent 2 dead letters back to news.articles",
    ]
    sent = [
        (record.key, record.value, record.headers, record.timestamp_ms) for record in topic(filled, "news.articles")
    ]
    assert sent == [
        (b"k", b'{"id":3}', (("traceparent", b"00-1"),), AN_HOUR_AGO_MS),
        (None, b"\xff\x00\x01", (), AN_HOUR_AGO_MS),
    ]
    assert waiting_letters(filled) == []
    again = filled.run("dead-letters", "replay")
    assert (again.exit_code, again.stdout) == (0, "nothing to send: no dead letters wait\n")
    assert len(topic(filled, "news.articles")) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list"], "no dead letters wait (`--all` lists replayed ones too)\n"),
        (["list", "--all"], "no dead letters\n"),
        (["list", "--topic", "news.articles"], "no such dead letters wait (`--all` lists replayed ones too)\n"),
        (["list", "--reason", "a date", "--all"], "no such dead letters\n"),
        (["replay"], "nothing to send: no dead letters wait\n"),
        (["replay", "--reason", "a date"], "nothing to send: no such dead letters wait\n"),
    ],
)
def test_without_letters_the_message_says_such_only_after_a_selection(
    harness: CliHarness, arguments: list[str], said: str
) -> None:
    result = harness.run("dead-letters", *arguments)
    assert (result.exit_code, result.stdout + result.stderr) == (0, said)


def test_letters_that_are_not_selected_keep_waiting(filled: CliHarness) -> None:
    assert (
        "1 dead letter back to news.article-vectors" in filled.run("dead-letters", "replay", "--reason", "768").stdout
    )
    assert waiting_letters(filled) == ["0/0", "0/1"]
    result = filled.run("dead-letters", "replay", "1", "0/2")
    assert result.stdout == "sent 1 dead letter back to news.articles\n"
    assert result.stderr == "0/2 was replayed before; it is not sent again\n"
    assert waiting_letters(filled) == ["0/0"]
    filled.run("dead-letters", "replay")
    assert [record.value for record in topic(filled, "news.articles")] == [b"\xff\x00\x01", b'{"id":3}']
    assert len(topic(filled, "news.article-vectors")) == 1


def test_replayed_letters_can_still_be_listed_and_shown(filled: CliHarness) -> None:
    filled.run("dead-letters", "replay", "0/1")
    assert [line.split("  ")[0] for line in filled.run("dead-letters", "list", "--all").stdout.splitlines()[1:]] == [
        "0/0",
        "0/1 replayed",
        "0/2",
    ]
    assert "dead letter 0/1, replayed, " in filled.run("dead-letters", "show", "0/1").stdout


def test_letters_without_an_origin_are_reported_and_kept(filled: CliHarness) -> None:
    unknown = letter_message(b"?", "why")
    filled.write([type(unknown)(unknown.topic, unknown.key, unknown.value, partition=0)])
    result = filled.run("dead-letters", "replay")
    assert result.exit_code == 1
    assert "sent 2 dead letters back to news.articles" in result.stdout
    assert "do not name the topic they came from: 0/3" in result.stderr
    assert waiting_letters(filled) == ["0/3"]


def test_a_letter_is_identified_by_partition_and_offset(tmp_path: Path) -> None:
    harness = CliHarness(tmp_path, partitions=2)
    harness.write([letter_message(b"zero", "why", partition=0), letter_message(b"one", "why", partition=1)])
    harness.run("dead-letters", "replay", "1/0")
    assert waiting_letters(harness) == ["0/0"]
    assert [record.value for record in topic(harness, "news.articles")] == [b"one"]


def test_a_replayed_record_older_than_the_retention_gets_a_new_timestamp(harness: CliHarness) -> None:
    harness.write([letter_message(b"old", "why", timestamp_ms=AN_HOUR_AGO_MS - 30 * DAY_MS)])
    harness.run("dead-letters", "replay")
    (record,) = topic(harness, "news.articles")
    assert record.value == b"old"
    assert record.timestamp_ms > AN_HOUR_AGO_MS
