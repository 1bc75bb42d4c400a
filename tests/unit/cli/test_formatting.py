from __future__ import annotations

import io
import unicodedata
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from newsloom.terminal import escape, escape_lines
from services.cli.views.formatting import count, format_time, leaning_counts, one_line, print_table, table
from services.cli.views.story import print_stories
from services.cli.views.update import print_update
from tests.unit.cli.harness import HOSTILE, HOSTILE_SHOWN, story, update

STEERING = {"Cc", "Cs", "Zl", "Zp"}


def terminal(width: int) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system=None,
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
    )


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@given(st.text())
def test_escaped_text_contains_nothing_that_controls_a_terminal(text: str) -> None:
    for line in [escape(text), *escape_lines(text)]:
        assert not {unicodedata.category(character) for character in line} & STEERING
        assert not set(line) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\ufeff")


def test_escaping_keeps_readable_text() -> None:
    text = "Żółć — 平和 \U0001f469\u200d\U0001f4bb כן\u200cלא"
    assert escape(text) == text
    assert escape("two\n  lines\tand a tab") == "two lines and a tab"
    assert escape(HOSTILE) == HOSTILE_SHOWN


def test_escaped_lines_keep_their_indent() -> None:
    assert escape_lines("{\n  1\x1b\n}") == ["{", r"  1\x1b", "}"]


def test_counts_times_and_leanings_are_formatted() -> None:
    assert [count(1, "article"), count(1204, "article")] == ["1 article", "1,204 articles"]
    assert format_time(datetime(2025, 4, 18, 1, 30, tzinfo=timezone(timedelta(hours=2)))) == "2025-04-17 23:30Z"
    assert leaning_counts({"left": 3, "right": 12}).plain == "L3 C0 R12"


def test_a_story_takes_one_line_on_a_terminal_of_any_width() -> None:
    stories = [story("st-aaaaaaaaaaaaaaaa", title="long " * 50), story("st-bbbbbbbbbbbbbbbb", title=HOSTILE)]
    for width in (40, 79, 80, 120):
        console = terminal(width)
        print_stories(console, stories)
        lines = printed(console).splitlines()
        assert len(lines) == 3
        assert max(map(len, lines)) <= width
        assert "st-aaaaaaaa " in lines[1]
        assert lines[1].rstrip().endswith("…")


def test_an_update_takes_one_line_on_a_terminal_of_any_width() -> None:
    for width in (40, 79, 80, 120):
        console = terminal(width)
        print_update(console, update("st-aaaaaaaaaaaaaaaa", 13, title="long " * 50))
        (line,) = printed(console).splitlines()
        assert len(line) <= width
        assert "13" in line
        assert "long long" in line
        assert ("L13" in line) is (width == 120)


def test_a_long_cell_leaves_room_for_the_last_column() -> None:
    console = terminal(80)
    rows = table("key", "reason")
    rows.add_row("k" * 256, one_line("why"))
    print_table(console, rows)
    assert printed(console).splitlines()[1].rstrip().endswith("…  why")
