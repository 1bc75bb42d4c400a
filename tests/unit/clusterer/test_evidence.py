"""Names, numbers and periods tell articles apart that are alike in everything else."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from newsloom.contracts.story import StoryState
from newsloom.contracts.vector import ArticleVector
from services.embedder.fingerprints import shingle_hashes
from services.embedder.preparation import PreparedText
from services.embedder.stems import stem_hashes
from tests.laws.streams import FIXED_PARAMETERS, START, article, vector
from tests.unit.clusterer.harness import EngineHarness

PARAMETERS = msgspec.structs.replace(FIXED_PARAMETERS, bar_base=0.4)


def told(
    number: int, title: str, text: str = "", *, hour: float = 0, outlet: str | None = None, subject: int = 0
) -> ArticleVector:
    """Build an article whose vectors are those of all others of its subject: only its words tell it from them."""
    prepared = PreparedText(title, text, text, len(text.split()))
    stems, marks = stem_hashes(prepared)
    return msgspec.structs.replace(
        article(number, subject=subject),
        title=title,
        published_at=START + timedelta(hours=hour),
        digest=f"{number}.{title}.{text}",
        title_vector=vector(subject, 0),
        words=prepared.words,
        shingles=shingle_hashes(prepared),
        stems=stems,
        stem_marks=marks,
        outlet=outlet or f"Outlet {number}",
    )


@pytest.fixture
def engine() -> EngineHarness:
    """Return an engine with a dozen articles of another subject, so that some names are rare and others frequent."""
    harness = EngineHarness(PARAMETERS)
    for number in range(100, 112):
        harness.apply(told(number, f"Minister {number} speaks", f"It was Monday. Number {number} spoke.", subject=5))
    return harness


def copies(engine: EngineHarness, *numbers: int) -> list[str | None]:
    return [engine.member(number).copy_of for number in numbers]


LANDSLIDES = (
    ("Landslide buries road near Arvika", "Mud and stones came down near Arvika in the night. The road is closed."),
    ("Landslide buries road near Tolmin", "Rain had loosened a slope above Tolmin, and rocks fell on the road."),
)


def test_articles_that_differ_in_their_names_are_two_stories(engine: EngineHarness) -> None:
    engine.apply(*(told(number, *text) for number, text in enumerate(LANDSLIDES)))
    assert engine.story_id(0) != engine.story_id(1)
    assert engine.member(1).decision.kept_out == 1


def test_articles_about_one_name_are_one_story_in_all_its_forms(engine: EngineHarness) -> None:
    engine.apply(
        told(0, "Pożar hali w Warszawie", "Strażacy gaszą pożar hali w Warszawie od rana."),
        told(1, "Warszawa: pożar hali ugaszony", "Ogień na Woli ugaszono po południu, podała straż w Warszawie."),
    )
    assert engine.story_id(0) == engine.story_id(1)


def test_vectors_without_stems_are_compared_by_similarity_alone(engine: EngineHarness) -> None:
    older = [told(number, *text) for number, text in enumerate(LANDSLIDES)]
    engine.apply(*(msgspec.structs.replace(event, stems=b"", stem_marks=b"") for event in older))
    assert engine.story_id(0) == engine.story_id(1)


def test_a_name_that_all_reports_of_a_story_have_keeps_its_weight(engine: EngineHarness) -> None:
    reports = [told(number, f"Arvika digs, day {number}", f"In Arvika, {number} men dig.") for number in range(15)]
    engine.apply(*reports, told(50, "Norwegian helpers reach Arvika", "Helpers came to Arvika with machines."))
    assert engine.story_id(50) == engine.story_id(0)


BRIEFINGS = (
    "Trains stand still in the north today because of the wind.",
    "Fares go up on Sunday, and the tram gets a new line.",
)


@pytest.mark.parametrize(("hours", "is_one"), [(24, False), (72.5, False), (31, True)])
def test_an_item_of_one_outlet_recurs_at_whole_days(engine: EngineHarness, hours: float, is_one: bool) -> None:
    for number, text in enumerate(BRIEFINGS):
        engine.apply(told(number, "What matters this morning", text, hour=7 + number * hours, outlet="Gazette"))
    assert (engine.story_id(0) == engine.story_id(1)) is is_one


def test_dates_without_a_time_show_no_period(engine: EngineHarness) -> None:
    for number, text in enumerate(BRIEFINGS):
        engine.apply(told(number, "What matters this morning", text, hour=24 * number, outlet="Gazette"))
    assert engine.story_id(0) == engine.story_id(1)


WALL = "Accept all cookies or choose what we and our partners may store on your device to show what you like."


def test_a_page_under_other_titles_is_no_copy(engine: EngineHarness) -> None:
    titles = ("Bridge in Arvika closed to traffic", "Museum of Tolmin shows old maps", "Bakers of Piran on strike")
    engine.apply(*(told(number, title, WALL) for number, title in enumerate(titles)))
    assert copies(engine, 0, 1, 2) == [None, None, None]
    assert len({engine.story_id(number) for number in range(3)}) == 3


def test_a_wire_report_with_a_line_of_the_site_is_a_copy(engine: EngineHarness) -> None:
    text = (
        "The bridge over the fjord at Arvika was closed to all traffic on Tuesday after divers found cracks in two pillars,"
        " said the road office. Ferries take commuters across until the repairs are done in May."
    )
    engine.apply(
        told(0, "Bridge at Arvika closed after divers find cracks", text),
        told(1, "Cracks close Arvika bridge until May", f"{text} Read more in the Coast Post."),
    )
    assert copies(engine, 0, 1) == [None, "a0"]


def test_a_template_about_another_place_is_no_copy(engine: EngineHarness) -> None:
    text = "The weather service has issued a storm warning for {} until the evening. Stay inside and away from trees."
    engine.apply(
        *(
            told(number, f"Storm warning issued for {place}", text.format(place))
            for number, place in enumerate(("Arvika", "Tolmin", "Piran"))
        )
    )
    assert copies(engine, 0, 1, 2) == [None, None, None]
    assert len({engine.story_id(number) for number in range(3)}) == 3


def test_equal_headlines_without_a_text_are_one_report(engine: EngineHarness) -> None:
    engine.apply(*(told(number, "FLASH: Arvika mayor resigns") for number in range(5)))
    assert copies(engine, *range(5)) == [None, *["a0"] * 4]


def test_a_rubric_without_a_text_meets_nothing(engine: EngineHarness) -> None:
    engine.apply(*(told(number, "Live updates") for number in range(3)))
    assert len({engine.story_id(number) for number in range(3)}) == 3


def test_a_late_article_is_compared_with_a_closed_story_that_no_longer_counts(engine: EngineHarness) -> None:
    reports = [told(number, f"Arvika digs, day {number}", f"In Arvika, {number} men dig.") for number in range(15)]
    engine.apply(*reports)
    # Three articles agree on a date three weeks later: all other stories close.
    engine.apply(
        *(told(20 + number, f"Piran votes {number}", "Piran voted.", subject=3, hour=500) for number in range(3))
    )
    assert engine.story(0).state is StoryState.CLOSED
    engine.apply(
        told(50, "Helpers reach Arvika", "Helpers came to Arvika with machines.", hour=2),
        told(51, "Landslide in Tolmin", "Rocks fell on Tolmin in the night.", hour=2),
    )
    assert engine.story_id(50) == engine.story_id(0)
    assert engine.story_id(51) != engine.story_id(0)


def test_titles_of_one_outlet_in_the_same_words_are_a_template(engine: EngineHarness) -> None:
    notices = (
        ("Arvika Holding: profit of 31 million", "The maker of pumps earned more, its owners in Arvika said."),
        ("Tolmin Holding: profit of 52 million", "A strong winter helped the ropeway company, it wrote."),
    )
    engine.apply(*(told(number, *notice, outlet="Ledger") for number, notice in enumerate(notices)))
    assert engine.story_id(0) != engine.story_id(1)


def test_over_one_page_the_name_in_one_title_is_enough(engine: EngineHarness) -> None:
    engine.apply(told(0, "Council votes for new lanes", WALL), told(1, "Council of Tolmin votes against lanes", WALL))
    assert engine.story_id(0) != engine.story_id(1)


def test_one_pattern_of_a_title_filled_with_other_words_makes_two_stories(engine: EngineHarness) -> None:
    notices = (
        ("the bank of the river rises again", "water came up to the second step of the stairs."),
        ("the bank of the lake falls again", "boats lie on sand where children swam last year."),
    )
    engine.apply(*(told(number, *notice, outlet="Ledger") for number, notice in enumerate(notices)))
    assert engine.story_id(0) != engine.story_id(1)


def test_a_higher_toll_under_the_same_title_is_the_same_event(engine: EngineHarness) -> None:
    engine.apply(
        told(0, "Landslide near Arvika: 3 dead", "Mud came down near Arvika. Men dig.", outlet="Ledger"),
        told(1, "Landslide near Arvika: 5 dead", "Mud came down near Arvika. Men still dig.", hour=3, outlet="Ledger"),
    )
    assert engine.story_id(0) == engine.story_id(1)


QUAKES = (
    # Each place in two reports. The words of the kind are in all of them.
    ("زلزال يضرب {}", "وقع زلزال قوي في {} وتضررت منازل كثيرة هناك"),
    ("منازل متضررة في {} بعد زلزال", "قال سكان {} إن الزلزال كان قويا وتضررت منازل كثيرة"),
)
GERMAN_QUAKES = (
    ("Erdbeben erschüttert {}", "Ein Erdbeben hat {} erschüttert. Viele Häuser haben Risse, sagt die Feuerwehr."),
    ("Häuser in {} nach Erdbeben beschädigt", "Nach dem Erdbeben haben viele Häuser in {} Risse, sagt die Feuerwehr."),
)


@pytest.mark.parametrize(
    ("reports", "places"),
    [
        (QUAKES, ("الأصنام", "بومرداس", "وهران", "تيبازة", "سطيف")),
        (GERMAN_QUAKES, ("Arnsdorf", "Belkirch", "Cornau", "Dillstedt", "Egmar")),
    ],
)
def test_a_kind_of_event_becomes_known_where_case_tells_no_names(
    engine: EngineHarness, reports: tuple[tuple[str, str], ...], places: tuple[str, ...]
) -> None:
    for number in range(30, 50):
        engine.apply(told(number, f"Minister {number} talks", f"It was Monday. Number {number} talked.", subject=7))
    for place_number, place in enumerate(places):
        for report_number, (title, text) in enumerate(reports):
            engine.apply(told(2 * place_number + report_number, title.format(place), text.format(place)))
    # The first events may share a story: their kind is unknown when they come.
    last = [engine.story_id(number) for number in (6, 7, 8, 9)]
    assert last[0] == last[1]
    assert last[2] == last[3]
    assert last[0] != last[2]
