"""`newsloom demo` finds the stories that the sample was written with (tests/fixtures/sample_gold.json)."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from newsloom.contracts.pipeline import EVENT_TYPE, TOPICS
from newsloom.contracts.story import Cause, Story, StoryUpdate
from newsloom.log_names import topic_names
from newsloom.settings import Settings
from newsloom.streaming.open import open_log_url
from newsloom.streaming.records import Record
from newsloom.streaming.scan import read_topic
from services.verifier.verification import find_violations
from tests.acceptance.conftest import NewInstallation
from tests.acceptance.published import Published, read_published
from tests.contract.documents import DOCUMENT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

GOLD: Final = Path(__file__).resolve().parent.parent / "fixtures" / "sample_gold.json"


@dataclass(frozen=True, slots=True)
class Demo:
    """The output of a demo, and the contents of its topics."""

    printed: str
    published: Published
    violations: list[str]
    """Violations that the verifier finds."""
    records: list[Record]
    """Every record of every topic."""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def demo(request: pytest.FixtureRequest, new_installation: NewInstallation) -> Demo:
    installation = new_installation(request.param)
    printed = installation.command("demo").stdout
    prefix = re.search(r"NEWSLOOM_TOPIC_PREFIX=(\S+)", printed)
    assert prefix, printed
    with closing(open_log_url(installation.url)) as log:
        settings = Settings(log=installation.url, topic_prefix=prefix[1])
        records = [record for topic in topic_names(settings, TOPICS) for record in read_topic(log, topic)]
        return Demo(printed, read_published(log, prefix[1]), find_violations(log, settings), records)


def test_every_record_is_one_that_the_documents_describe(demo: Demo) -> None:
    document = yaml.safe_load(DOCUMENT.read_text())
    described: dict[str, list[Any]] = {}
    for message in document["components"]["messages"].values():
        described.setdefault(message["name"], []).append(message)
    validators = {
        name: Draft202012Validator(
            {
                # A story that is forgotten has the type of a snapshot, and no value.
                "anyOf": [
                    {"properties": {part: message[part] for part in ("headers", "payload")}} for message in messages
                ],
                "components": document["components"],
            }
        )
        for name, messages in described.items()
    }
    seen = Counter[str]()
    for record in demo.records:
        kind = record.header(EVENT_TYPE) or ""
        value = None if record.value is None else msgspec.json.decode(record.value)
        headers = {name: value.decode() for name, value in record.headers}
        validators[kind].validate({"headers": headers, "payload": value})
        seen[kind] += 1
    assert len(seen) >= 8
    assert min(seen.values()) > 0


@pytest.fixture(scope="module")
def gold() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(GOLD.read_text())
    return read


def _stories(published: Published) -> dict[str, list[str]]:
    """Return article ids by story, for stories with articles."""
    found: dict[str, list[str]] = {}
    for member in published.memberships.values():
        found.setdefault(member.story_id, []).append(member.article_id)
    return found


def _updates_with(published: Published, article_id: str) -> list[StoryUpdate]:
    return [update for update in published.updates if update.article is not None and update.article.id == article_id]


def test_the_stories_are_the_gold_stories(demo: Demo, gold: dict[str, Any]) -> None:
    found = {frozenset(articles) for articles in _stories(demo.published).values()}
    written = {frozenset(articles) for articles in gold["stories"].values()}

    assert found == written


def test_counts_reports_and_histories_are_right(demo: Demo, gold: dict[str, Any]) -> None:
    by_articles = {frozenset(articles): articles for articles in gold["stories"].values()}

    for story_id, articles in _stories(demo.published).items():
        story = demo.published.stories[story_id]
        written = by_articles[frozenset(articles)]
        assert story.article_count == len(written)
        assert story.report_count == sum(article not in gold["copies"] for article in written)
        assert _ends_at(story) == len(written)


def _ends_at(story: Story) -> int:
    return story.history[-1].article_count


def test_copies_are_found(demo: Demo, gold: dict[str, Any]) -> None:
    members = demo.published.memberships.values()

    assert {member.article_id: member.copy_of for member in members if member.copy_of} == gold["copies"]


def test_a_late_article_joins_by_its_own_time(demo: Demo, gold: dict[str, Any]) -> None:
    (update,) = _updates_with(demo.published, gold["late"])

    assert update.article is not None
    assert update.article.published_at < update.at


def test_the_correction_is_announced_once(demo: Demo, gold: dict[str, Any]) -> None:
    causes = [update.cause for update in _updates_with(demo.published, gold["corrected"])]

    assert causes == [Cause.ARTICLE, Cause.CORRECTION]


def test_the_retracted_article_is_gone(demo: Demo, gold: dict[str, Any]) -> None:
    causes = [update.cause for update in _updates_with(demo.published, gold["retracted"])]

    assert causes == [Cause.ARTICLE, Cause.RETRACTION]
    assert ("main", gold["retracted"]) not in demo.published.memberships


def test_the_duplicate_changes_nothing(demo: Demo, gold: dict[str, Any]) -> None:
    written = Counter(record.key for record in demo.published.articles)

    assert written[gold["repeated"].encode()] == 2
    assert len(_updates_with(demo.published, gold["repeated"])) == 1


def test_the_malformed_line_is_named(demo: Demo, gold: dict[str, Any]) -> None:
    assert re.findall(r"line (\d+) rejected", demo.printed) == [str(gold["malformed_line"])]


def test_there_are_no_dead_letters_and_no_violations(demo: Demo) -> None:
    assert demo.published.dead_letters == ()
    assert demo.violations == []
