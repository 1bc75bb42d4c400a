"""The feeds: valid, one entry a story, and an entry comes up again only for growth, another headline, a merge or a split."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jsonschema
import msgspec
import pytest
from lxml import etree
from starlette.testclient import TestClient

from newsloom.contracts.codec import encode
from newsloom.contracts.story import Cause, StoryState, StoryUpdate, UpdateKind
from newsloom.settings import Settings
from newsloom.streaming.records import Record
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.times import from_ms
from services.storypage.read_model.update_rows import apply_update
from tests.unit.storypage.application import client_of

FORMATS: Final = Path(__file__).with_name("feed_formats")
ATOM = "{http://www.w3.org/2005/Atom}"
BEGIN = datetime(2026, 11, 10, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def client(settings: Settings, model_file: ModelFile) -> TestClient:
    return client_of(settings, model_file.reader)


QUERIES = [{}, {"order": "large"}, {"q": "title", "leaning": "left", "limit": "2"}, {"outlet": "nobody"}]


@pytest.fixture(scope="module")
def atom_format() -> etree.RelaxNG:
    """Return the validator of Atom."""
    return etree.RelaxNG.from_rnc_string((FORMATS / "atom.rnc").read_text())


@pytest.mark.parametrize("query", QUERIES)
def test_atom_is_valid(client: TestClient, atom_format: etree.RelaxNG, query: dict[str, str]) -> None:
    feed = etree.fromstring(client.get("/feed.atom", params=query).content)
    atom_format.assertValid(feed)
    entries = feed.findall(f"{ATOM}entry")
    assert bool(entries) == ("outlet" not in query)
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(ids) == len(set(ids))
    updated = [entry.findtext(f"{ATOM}updated") or "" for entry in entries]
    assert feed.findtext(f"{ATOM}updated") == max(updated, default="1970-01-01T00:00:00Z")
    assert {link.get("rel") for link in feed.findall(f"{ATOM}link")} == {"self", "alternate"}


@pytest.mark.parametrize("damage", ["id", "updated", "title"])
def test_the_validator_of_atom_misses_what_the_standard_demands(
    client: TestClient, atom_format: etree.RelaxNG, damage: str
) -> None:
    feed = etree.fromstring(client.get("/feed.atom").content)
    entry = feed.find(f"{ATOM}entry")
    assert entry is not None
    element = entry.find(f"{ATOM}{damage}")
    assert element is not None
    entry.remove(element)
    assert not atom_format.validate(feed)


@pytest.mark.parametrize("query", QUERIES)
def test_json_feed_is_valid(client: TestClient, query: dict[str, str]) -> None:
    feed = client.get("/feed.json", params=query).json()
    jsonschema.validate(feed, json.loads((FORMATS / "json_feed.json").read_text()))


def test_json_feed_has_the_entries_of_atom(client: TestClient) -> None:
    feed = client.get("/feed.json").json()
    entries = etree.fromstring(client.get("/feed.atom").content).findall(f"{ATOM}entry")
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["id"] for item in feed["items"]] == [entry.findtext(f"{ATOM}id") for entry in entries]
    assert [item["date_modified"] for item in feed["items"]] == [entry.findtext(f"{ATOM}updated") for entry in entries]


def test_the_addresses_are_the_public_ones(settings: Settings, model_file: ModelFile) -> None:
    public = msgspec.structs.replace(settings, page_url="https://news.example.org/")
    feed = client_of(public, model_file.reader).get("/feed.json").json()
    assert {address.split("/stories")[0] for item in feed["items"] for address in [item["url"]]} == {
        "https://news.example.org"
    }


@pytest.fixture
def sql(settings: Settings, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = ModelFile(tmp_path / "page.db").open(settings, {})
    yield opened
    opened.close()


def update(
    version: int, count: int, *, title: str = "Ferry sinks", kind: UpdateKind = UpdateKind.UPDATED
) -> StoryUpdate:
    return StoryUpdate(
        story_id="st-1", edition="main", version=version, kind=kind, cause=Cause.ARTICLE,
        at=BEGIN + timedelta(hours=version), state=StoryState.OPEN, title=title, article_count=count,
        article_count_before=count - 1, report_count=count, outlet_count=1, outlets={}, leanings={},
    )  # fmt: skip


STEPS = [
    (update(1, 1, kind=UpdateKind.CREATED), 1),
    (update(2, 2), 2),
    (update(3, 3), 3),
    (update(4, 4), 3),
    (update(5, 5), 5),
    (update(6, 4), 5),
    (update(7, 5), 5),
    (update(8, 6, title="Ferry sinks, crew rescued"), 8),
    (update(9, 7, title="Ferry sinks, crew rescued"), 8),
    (update(10, 8, title="Ferry sinks, crew rescued", kind=UpdateKind.MERGED), 10),
    (update(11, 9, title="Ferry sinks, crew rescued"), 10),
    (update(12, 10, title="Ferry sinks, crew rescued"), 12),
]
"""The updates of a story, and the version at whose time its entry was last updated."""


@pytest.mark.parametrize("order", [range(12), reversed(range(12))], ids=["in order", "from another partition first"])
def test_an_entry_comes_up_again_only_for_what_is_stated(sql: sqlite3.Connection, order: Iterator[int]) -> None:
    for offset in order:
        value = encode(STEPS[offset][0])
        apply_update(sql, Record("news.story-updates", 0, offset, 0, b"st-1", value))
    found = {
        version: from_ms(noted_ms)
        for version, noted_ms in sql.execute("SELECT version, noted_ms FROM updates").fetchall()
    }
    assert found == {one.version: BEGIN + timedelta(hours=noted) for one, noted in STEPS}
