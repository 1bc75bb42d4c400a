"""Rubrics are parts of titles that recur over stories; no list of words says which."""

from __future__ import annotations

import pytest

from services.clusterer.core.title_parts import TitleParts, split_title
from tests.unit.clusterer.harness import membership

TOWNS = ("Arnmouth", "Castel", "Dunhaven", "Ebbford", "Fenwick")
RUBRICS = {
    "English prefix": ("As it happens: Ferry runs aground off {}", "Ferry runs aground off {}"),
    "English suffix": ("Ferry runs aground off {} - minute by minute", "Ferry runs aground off {}"),
    "both ends": ("Ticker | Ferry runs aground off {} | Gull Radio", "Ferry runs aground off {}"),
    "German": ("+++ Fähre läuft vor {} auf Grund +++ Newsblog", "Fähre läuft vor {} auf Grund"),
    "Polish": ("NA ŻYWO \u2013 Prom osiadł koło {}", "Prom osiadł koło {}"),
    "Spanish, numbered": ("Boletín n.º 12: Un barco encalla cerca de {}", "Un barco encalla cerca de {}"),
    "Chinese": ("【滚动】渡轮在{}附近搁浅", "渡轮在{}附近搁浅"),
    "Arabic": ("مباشر: جنوح عبارة قرب {}", "جنوح عبارة قرب {}"),
}


def counted(*titles: str, story: str | None = None) -> TitleParts:
    """Count the titles, each in a story of its own or all in one."""
    parts = TitleParts()
    for number, title in enumerate(titles):
        parts.add(membership(number, title=title, story_id=story or f"st-{number}"))
    return parts


@pytest.mark.parametrize(("title", "rest"), RUBRICS.values(), ids=RUBRICS)
def test_a_rubric_is_cut_from_the_ends_of_a_title(title: str, rest: str) -> None:
    few = counted(*(title.format(town) for town in TOWNS[:2]))
    assert few.without_rubrics(title.format(TOWNS[0])) == title.format(TOWNS[0])
    many = counted(*(title.format(town) for town in TOWNS))
    assert many.without_rubrics(title.format(TOWNS[0])) == rest.format(TOWNS[0])
    assert many.is_telling(title.format(TOWNS[0]))


def test_a_title_that_another_story_has_tells_nothing() -> None:
    assert counted("Minute by minute").is_telling("Minute by minute")
    assert not counted("Minute by minute", "minute by minute!").is_telling("Minute by minute")
    assert counted("Minute by minute", "Minute by minute", story="st-0").is_telling("Minute by minute")


def test_numbers_do_not_make_a_title_another_one() -> None:
    assert not counted("Evening edition, 3 May", "Evening edition, 14 May").is_telling("Evening edition, 9 May")


def test_a_title_of_rubrics_alone_tells_nothing_and_is_not_cut() -> None:
    parts = counted(
        *(f"The day ahead: {what}" for what in ("all you should know", "five charts", "all you should know")),
        *(f"{rubric}: all you should know" for rubric in ("Lunch break", "Weekend")),
    )
    assert not parts.is_telling("The day ahead: all you should know")
    assert parts.without_rubrics("The day ahead: all you should know") == "The day ahead: all you should know"


def test_a_topic_before_a_colon_is_no_rubric() -> None:
    titles = [
        f"Arnia: {what}" for what in ("Bridge of Castel falls", "Harvest begins early", "Talks end without result")
    ]
    elsewhere = [f"{who} sends tents to Arnia" for who in ("Dunhaven", "Ebbford", "Fenwick", "Castel")]
    assert counted(*titles).without_rubrics(titles[0]) == "Bridge of Castel falls"
    assert counted(*titles, *elsewhere).without_rubrics(titles[0]) == titles[0]


def test_a_rest_that_tells_too_little_is_not_left_alone() -> None:
    parts = counted(*(f"Ticker: {town}" for town in TOWNS))
    assert parts.without_rubrics("Ticker: Castel") == "Ticker: Castel"
    assert (
        counted(*(f"滚动:{town}" for town in ("云港", "青州", "北坪"))).without_rubrics("滚动:云港地震") == "云港地震"
    )


def test_nothing_is_cut_from_the_middle() -> None:
    titles = [f"Storm over {town} - ticker - roads closed in {town}" for town in TOWNS]
    assert counted(*titles).without_rubrics(titles[0]) == titles[0]


def test_a_time_of_day_and_a_hyphen_separate_nothing() -> None:
    title = "At 10:30 the Castel-Fenwick line reopens"
    assert [title[part.start : part.end] for part in split_title(title).parts] == [title]


@pytest.mark.parametrize("title", ["", "!!!", " | ", "a: " * 200, "x" * 500])
def test_any_title_can_be_counted(title: str) -> None:
    parts = counted(title, title, title)
    assert parts.without_rubrics(title) == title
    assert not parts.is_telling(title)


def test_a_rubric_of_closed_stories_is_none() -> None:
    titles = [f"Ticker: Ferry runs aground off {town}" for town in TOWNS]
    parts = counted(*titles)
    for number in range(3):
        parts.remove(membership(number, title=titles[number], story_id=f"st-{number}"))
    assert parts.without_rubrics(titles[4]) == titles[4]


def test_two_reports_of_a_story_count_as_one_story_until_both_are_gone() -> None:
    twice = [membership(number, title="Minute by minute", story_id="st-1") for number in range(2)]
    parts = counted("Minute by minute")
    for report in twice:
        parts.add(report)
    parts.remove(twice[0])
    assert not parts.is_telling("Minute by minute")
    parts.remove(twice[1])
    assert parts.is_telling("Minute by minute")
