"""An operator's ratings: only for articles without one, in every count and list, and named with their source."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from newsloom.settings import Settings
from newsloom.streaming.errors import ConfigurationError
from services.storypage.ratings import load_ratings
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel
from tests.unit.storypage.application import client_of
from tests.unit.storypage.records import Partitions, all_records


@pytest.fixture
def rated(settings: Settings, tmp_path: Path) -> Settings:
    file = tmp_path / "ratings.json"
    file.write_text(
        json.dumps({"source": "the Rating Institute", "outlets": {"Outlet 1": "left", "Outlet 2": "right"}})
    )
    return msgspec.structs.replace(settings, page_ratings=str(file))


def test_ratings_count_for_outlets_that_producers_did_not_rate(
    rated: Settings, partitions: Partitions, tmp_path: Path
) -> None:
    file = ModelFile(tmp_path / "page.db")
    with closing(file.open(rated, {})) as sql:
        ReadModel(sql, rated, load_ratings(rated.page_ratings)).apply(list(all_records(partitions)))
        expected = dict(
            sql.execute(
                "SELECT story_id, COUNT(*) FROM memberships WHERE leaning = 'left' GROUP BY story_id"
            ).fetchall()
        )
    assert expected
    client = client_of(rated, file.reader)
    listed = client.get("/api/stories", params={"leaning": "left", "limit": 100}).json()["stories"]
    assert {story["id"]: story["leanings"]["left"] for story in listed} == expected
    assert "Ratings by the Rating Institute" in client.get(f"/stories/{listed[0]['id']}").text


def test_a_file_with_other_ratings_is_made_again(settings: Settings, rated: Settings, tmp_path: Path) -> None:
    file = ModelFile(tmp_path / "page.db")
    with closing(file.open(settings, {})) as sql:
        sql.execute("INSERT INTO positions VALUES ('news.stories', 0, 0)")
        ReadModel(sql, settings).note_time()
    with closing(file.open(rated, {})) as sql:
        assert sql.execute("SELECT COUNT(*) FROM positions").fetchone() == (0,)


@pytest.mark.parametrize("text", ["", "[]", '{"outlets": {}}', '{"source": "x", "outlets": {"The Gull": "up"}}'])
def test_a_wrong_table_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "ratings.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"ratings\.json: .*; write \{\"source\""):
        load_ratings(str(file))
    with pytest.raises(ConfigurationError, match="No such file"):
        load_ratings(str(tmp_path / "none.json"))
