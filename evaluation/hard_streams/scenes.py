"""Scenes: events of one kind that belong together, such as two earthquakes of one day or a daily wrap over two weeks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from random import Random
from typing import Final, NamedTuple

from evaluation.hard_streams.facts import Facts, NamePool, day_facts
from evaluation.hard_streams.language import Language, Scenario, load_language
from evaluation.hard_streams.reports import Report, write_reports

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

LOOK_ALIKES: Final = 2
REPORTS: Final = 3
NOTICES: Final = 10
LISTED_COMPANIES: Final = 24
WALLED_EVENTS: Final = 8
WIRE_COPIES: Final = (4, 7)
FLASH_SITES: Final = (10, 25)
SILENCE: Final = 14 * DAY
TRADING_DAYS: Final = 8
WEEKS: Final = 4
ALERT_PLACES: Final = 5
ALERT_DAYS: Final = 3


class Kind(Enum):
    """What is hard about a scene."""

    LOOK_ALIKES = "look-alikes"
    TEMPLATES = "templates"
    RECURRING = "recurring"
    WALLS = "walls"
    WIRE = "wire"
    FLASHES = "flashes"
    SILENCE = "silence"


class Draft(NamedTuple):
    """An article of an event. `original` is the index in the event of the article that it is a true copy of."""

    report: Report
    outlet: str
    at: datetime
    original: int | None = None


Event = list[Draft]
Scene = list[Event]


class Author:
    """Writes scenes in one language, with names of its own."""

    def __init__(self, code: str, random: Random) -> None:
        self.language: Language = load_language(code)
        self.random = random
        self.names = NamePool(self.language, random)
        self.listed = [self.names.draw("company") for _ in range(LISTED_COMPANIES)]
        # Chinese has no space after a full stop.
        self.joint = "" if code == "zh" else " "

    def facts(self, at: datetime) -> Facts:
        """Return facts of an event at this time."""
        return Facts(self.language, self.names, self.random, at.date())

    def event(self, scenario: Scenario, facts: Facts, at: datetime, count: int = REPORTS) -> Event:
        """Return an event told by `count` outlets within some hours."""
        reports = write_reports(scenario, facts, self.random, count, joint=self.joint)
        return [Draft(report, self.names.draw("outlet"), self.later(at, hours=9)) for report in reports]

    def later(self, at: datetime, *, hours: float) -> datetime:
        """Draw a time between `at` and `hours` later, in whole seconds."""
        return at + timedelta(seconds=self.random.randrange(int(hours * 3600)))

    def scenario(self) -> Scenario:
        """Return one of the scenarios of events."""
        return self.language.events[self.random.choice(sorted(self.language.events))]


def look_alikes(author: Author, day: datetime) -> Scene:
    """Write two events of one day that differ in names and numbers alone."""
    scenario, at = author.scenario(), author.later(day, hours=12)
    return [author.event(scenario, author.facts(at), at) for _ in range(LOOK_ALIKES)]


def notices(author: Author, day: datetime) -> Scene:
    """Write a robot's notices about different companies by one template; each is an event of its own."""
    template, outlet = author.random.choice(author.language.notices), author.names.draw("outlet")
    scene = []
    for company in author.random.sample(author.listed, NOTICES):
        at = author.later(day, hours=20)
        facts = author.facts(at)
        facts["company"] = company
        [report] = write_reports(template, facts, author.random, 1, joint=author.joint)
        scene.append([Draft(report, outlet, at)])
    return scene


def walled(author: Author, day: datetime) -> Scene:
    """Write events of which two outlets each show a title over one consent or payment page."""
    page = author.random.choice(author.language.walls)
    scene = []
    for _ in range(WALLED_EVENTS):
        event = author.event(author.scenario(), author.facts(day), author.later(day, hours=12), 2)
        scene.append([draft._replace(report=Report(draft.report.title, _page(author, page, draft))) for draft in event])
    return scene


def _page(author: Author, page: str, draft: Draft) -> str:
    facts = author.facts(draft.at)
    facts["outlet"] = draft.outlet
    return page.format_map(facts)


def wire(author: Author, day: datetime) -> Scene:
    """Write an agency's report, its copies under lines of their sites, and two other reports."""
    at = author.later(day, hours=12)
    facts = author.facts(at)
    original, *others = author.event(author.scenario(), facts, at, 3)
    titles = [original.report.title, others[0].report.title]
    copies = []
    for _ in range(author.random.randint(*WIRE_COPIES)):
        site = author.facts(at)
        line = author.random.choice(author.language.site_lines).format_map(site)
        report = Report(author.random.choice(titles), f"{original.report.text}\n{line}")
        copies.append(Draft(report, site["outlet"], author.later(original.at, hours=6), original=0))
    return [[original, *copies, *others]]


def flashes(author: Author, day: datetime) -> Scene:
    """Write a title without a text that many sites carry, and the reports that follow."""
    scenario, at = author.scenario(), author.later(day, hours=12)
    facts = author.facts(at)
    title = author.random.choice(author.language.flash).format(title=author.random.choice(scenario.titles))
    flash, sites = Report(title.format_map(facts), ""), author.random.randint(*FLASH_SITES)
    times = sorted(author.later(at, hours=0.5) for _ in range(sites))
    carried = [Draft(flash, f"Site {number}", time, 0 if number else None) for number, time in enumerate(times)]
    return [carried + author.event(scenario, facts, at + HOUR)]


def silence(author: Author, day: datetime) -> Scene:
    """Write an event that is told, not mentioned for two weeks, and told again."""
    story, facts, back = author.language.silence, author.facts(day), day + SILENCE
    before = author.event(story.before, facts, day)
    facts.update(day_facts(author.language, back.date()))
    return [before + author.event(story.after, facts, back)]


def wraps(author: Author, day: datetime) -> Scene:
    """Write a daily wrap of the markets."""
    return _series(author, "wrap", [day + number * DAY for number in range(TRADING_DAYS)])


def figures(author: Author, day: datetime) -> Scene:
    """Write a weekly figure."""
    return _series(author, "figures", [day + 7 * number * DAY for number in range(WEEKS)])


def horoscopes(author: Author, day: datetime) -> Scene:
    """Write a daily horoscope."""
    return _series(author, "horoscope", [day + number * DAY for number in range(TRADING_DAYS)])


def alerts(author: Author, day: datetime) -> Scene:
    """Write weather alerts for the same places on several days: each place and day is an event."""
    places = [author.names.draw("place") for _ in range(ALERT_PLACES)]
    scenario = author.language.recurring["alert"]
    scene = []
    for at in (day + number * DAY for number in range(ALERT_DAYS)):
        for place in places:
            facts = author.facts(at)
            facts["place"] = place
            scene.append(author.event(scenario, facts, at, len(scenario.titles)))
    return scene


def fixtures(author: Author, day: datetime) -> Scene:
    """Write previews of the matches of two matchdays: each match is an event."""
    scenario, matches = author.language.recurring["fixtures"], range(3)
    return [
        author.event(scenario, author.facts(at), at, len(scenario.titles))
        for at in (day, day + 7 * DAY)
        for _ in matches
    ]


def _series(author: Author, name: str, times: list[datetime]) -> Scene:
    """Write an event for each time. The same outlets report each, each under the same pattern of a title."""
    scenario = author.language.recurring[name]
    outlets = [author.names.draw("outlet") for _ in scenario.titles]
    scene = []
    for at in times:
        facts = author.facts(at)
        reports = write_reports(scenario, facts, author.random, len(outlets), joint=author.joint)
        titles = [title.format_map(facts) for title in scenario.titles]
        scene.append(
            [
                Draft(Report(title, report.text), outlet, author.later(at + 8 * HOUR, hours=6))
                for title, report, outlet in zip(titles, reports, outlets, strict=True)
            ]
        )
    return scene


SceneWriter = Callable[[Author, datetime], Scene]
"""Writes a scene that begins on a day."""

_SERIES: Final[Mapping[str, SceneWriter]] = {
    "wrap": wraps,
    "figures": figures,
    "horoscope": horoscopes,
    "alert": alerts,
    "fixtures": fixtures,
}
_SCENES: Final[Mapping[Kind, SceneWriter]] = {
    Kind.LOOK_ALIKES: look_alikes,
    Kind.TEMPLATES: notices,
    Kind.WALLS: walled,
    Kind.WIRE: wire,
    Kind.FLASHES: flashes,
    Kind.SILENCE: silence,
}


def scene_writers(kind: Kind, language: Language) -> Iterator[SceneWriter]:
    """Yield the functions that write scenes of a kind in a language."""
    if kind is not Kind.RECURRING:
        yield _SCENES[kind]
        return
    for name, write in _SERIES.items():
        if name in language.recurring:
            yield write
