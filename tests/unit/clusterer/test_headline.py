"""A story carries the title of a report that tells it from other stories, as typical of it as can be."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import numpy as np

from newsloom.contracts.membership import Membership
from newsloom.contracts.story import StoryState
from newsloom.contracts.vector import ArticleVector
from services.clusterer.core.fixed_point import SCALE, ExactVector, encode_int16
from services.clusterer.core.headline import CHOSEN_ANEW_MAX, best_report, earliest_report, headline_report
from services.clusterer.core.parameters import Parameters
from services.clusterer.core.story import LiveStory
from services.clusterer.core.title_parts import TitleParts
from tests.laws.streams import START, article
from tests.unit.clusterer.harness import EngineHarness, live_story, membership


def report(number: int, angle: float, title: str | None = None, *, words: int = 100) -> Membership:
    """Build a report whose title points in this direction (radians)."""
    vector = encode_int16(np.rint(SCALE * np.array([np.cos(angle), np.sin(angle)])).astype(np.int16))
    name = f"Title {'abcdefgh'[number % 8]}" if title is None else title
    return membership(number, title_vector=vector, lead_vector=vector, title=name, words=words)


def story_of(*reports: Membership) -> LiveStory:
    story = live_story("st-0", *reports)
    story.set_title(reports[0], reports[0].title)
    return story


def counted(story: LiveStory, *titles_elsewhere: str) -> TitleParts:
    """Count the titles of the story and of other stories."""
    titles = TitleParts()
    for one in story.reports():
        titles.add(one)
    for number, title in enumerate(titles_elsewhere):
        titles.add(membership(100 + number, title=title, story_id=f"st-{100 + number}"))
    return titles


ALONG: ExactVector = np.array([3.0 * SCALE, 0.0])
"""The sum of leads that point in direction 0."""
RUBRIC = "Hour by hour"


def test_a_clearly_more_typical_title_takes_over() -> None:
    first, typical, similar = report(0, 0.5), report(1, 0.0), report(2, 0.45)
    story = story_of(first, typical, similar)
    titles = counted(story)
    assert headline_report(story, typical, ALONG, titles) is typical
    assert headline_report(story, similar, ALONG, titles) is first
    story.set_title(typical, typical.title)
    assert headline_report(story, first, ALONG, titles) is typical


def test_a_report_without_a_title_gives_way_to_any() -> None:
    untitled, other = report(0, 0.0, title=""), report(1, 1.5)
    story = story_of(other, untitled)
    titles = counted(story)
    assert headline_report(story, untitled, ALONG, titles) is other
    story.set_title(untitled, "")
    assert headline_report(story, other, ALONG, titles) is other


def test_a_title_of_another_story_gives_way_to_any_other_and_takes_over_from_none() -> None:
    recurring, other = report(0, 0.0, RUBRIC), report(1, 1.4)
    story = story_of(recurring, other)
    titles = counted(story, RUBRIC)
    assert headline_report(story, other, ALONG, titles) is other
    story.set_title(other, other.title)
    assert headline_report(story, recurring, ALONG, titles) is other
    assert best_report(story, ALONG, titles) is other
    assert earliest_report(story, titles) is other


def test_a_flash_gives_way_to_a_report_with_a_text_and_takes_over_from_a_rubric_alone() -> None:
    flash, told, rubric = report(0, 0.0, "Bridge falls", words=0), report(1, 1.4), report(2, 0.0, RUBRIC)
    story = story_of(flash, told, rubric)
    titles = counted(story, RUBRIC)
    assert headline_report(story, told, ALONG, titles) is told
    assert headline_report(story, rubric, ALONG, titles) is flash
    story.set_title(told, told.title)
    assert headline_report(story, flash, ALONG, titles) is told
    story.set_title(rubric, rubric.title)
    assert headline_report(story, flash, ALONG, titles) is flash


def test_when_a_title_has_begun_to_recur_an_earlier_report_gets_its_place() -> None:
    earlier, chosen, joined = report(0, 1.4), report(1, 0.0, RUBRIC), report(2, 0.0, RUBRIC)
    story = story_of(chosen, earlier, joined)
    assert headline_report(story, joined, ALONG, counted(story, "Another title")) is chosen
    assert headline_report(story, joined, ALONG, counted(story, RUBRIC)) is earlier


def test_a_large_story_of_one_rubric_is_not_searched_each_time() -> None:
    rubrics = [report(number, 0.0, RUBRIC) for number in range(CHOSEN_ANEW_MAX)]
    earlier = report(CHOSEN_ANEW_MAX, 1.4)
    story = story_of(*rubrics, earlier)
    titles = counted(story, RUBRIC)
    assert headline_report(story, rubrics[-1], ALONG, titles) is rubrics[0]
    assert headline_report(story, earlier, ALONG, titles) is earlier


def test_the_most_typical_title_of_the_best_rank_replaces_one_that_leaves_and_the_earliest_on_a_tie() -> None:
    story = story_of(report(3, 0.2), report(2, 0.2), report(0, 1.0), report(1, 0.0, title=""))
    assert best_report(story, ALONG, counted(story)).article_id == "a2"


def test_a_closed_story_takes_the_title_of_its_earliest_titled_report() -> None:
    story = story_of(report(2, 0), report(1, 1), report(0, 2, title=""))
    assert earliest_report(story, counted(story)).article_id == "a1"
    untitled = story_of(report(1, 0, title=""), report(0, 2, title=""))
    assert earliest_report(untitled, counted(untitled)).article_id == "a0"


PARAMETERS = Parameters(bar_base=0.5, bar_mean=0.0, bar_std=0.0)


def titled(number: int, title: str, *, subject: int = 0, words: int = 100) -> ArticleVector:
    return msgspec.structs.replace(article(number, subject=subject, hour=number / 10), title=title, words=words)


def test_sixty_flashes_do_not_rename_a_story_of_fourteen() -> None:
    told = [titled(number, f"Council of Castel debates tram line {'abcdefghijklmn'[number]}") for number in range(14)]
    harness = EngineHarness(PARAMETERS, *told)
    before = harness.story(0).title
    assert before in {one.title for one in told}
    flash = [titled(number, "Tram line approved", words=0) for number in range(14, 74)]
    harness.apply(*flash)
    assert harness.story(0).article_count == 74
    assert harness.story(0).title == before


def test_each_of_three_stories_of_a_live_page_gets_a_title_of_its_own() -> None:
    harness = EngineHarness(PARAMETERS)
    for number in range(9):
        title = (
            "Minute by minute"
            if number >= 3
            else f"Ferry runs aground off {('Arnmouth', 'Castel', 'Dunhaven')[number]}"
        )
        harness.apply(titled(number, title, subject=number % 3))
    assert [harness.story(subject).title for subject in range(3)] == [
        "Ferry runs aground off Arnmouth",
        "Ferry runs aground off Castel",
        "Ferry runs aground off Dunhaven",
    ]


def test_a_cut_title_stays_cut_when_the_other_stories_with_its_rubric_close() -> None:
    harness = EngineHarness(PARAMETERS)
    towns = ("Arnmouth", "Castel", "Dunhaven", "Ebbford")
    for number, town in enumerate(towns):
        harness.apply(titled(number, f"Ticker: Ferry runs aground off {town}", subject=number))
    assert harness.story(3).title == "Ferry runs aground off Ebbford"
    for day in range(1, 10):
        later = titled(10 + day, "Ferry of Ebbford towed away", subject=3)
        harness.apply(msgspec.structs.replace(later, published_at=START + timedelta(days=day)))
    assert harness.story(0).state is StoryState.CLOSED
    assert harness.story(3).article_count > 1
    assert harness.story(3).title == "Ferry runs aground off Ebbford"


def test_a_corrected_title_is_carried_as_it_is_now() -> None:
    harness = EngineHarness(PARAMETERS, titled(0, "Ferry of Castel"))
    harness.apply(msgspec.structs.replace(titled(0, "Ferry of Castel runs aground"), digest="corrected"))
    assert harness.story(0).title == "Ferry of Castel runs aground"
