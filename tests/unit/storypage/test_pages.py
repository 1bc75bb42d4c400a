"""The pages: complete, escaped, redirected, and what they say of merged, forgotten and sample content."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from newsloom.contracts.codec import decode_story, encode
from newsloom.contracts.story import Story
from newsloom.settings import Settings
from newsloom.streaming.records import Record
from services.storypage.read_model.file import ModelFile
from services.storypage.read_model.model import ReadModel
from tests.unit.storypage.application import client_of
from tests.unit.storypage.values import Known, known_values

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7*7 }}"""
PAGE_BYTES_MAX = 60_000


@pytest.fixture(scope="module")
def client(settings: Settings, model_file: ModelFile) -> TestClient:
    return client_of(settings, model_file.reader)


@pytest.fixture(scope="module")
def known(model_file: ModelFile) -> Known:
    return known_values(model_file)


def test_every_link_of_the_pages_leads_to_an_answer(client: TestClient) -> None:
    seen: dict[str, int] = {}
    unread = ["/"]
    while unread and len(seen) < 150:
        path = unread.pop()
        answer = client.get(path)
        seen[path] = answer.status_code
        if answer.headers["content-type"].startswith("text/html"):
            assert len(answer.content) < PAGE_BYTES_MAX
            found = re.findall(r'(?:href|src)="(/[^"#]*)', answer.text)
            unread += [
                link.replace("&amp;", "&") for link in found if link.replace("&amp;", "&") not in {*seen, *unread}
            ]
    assert set(seen.values()) == {200}
    assert {path.partition("?")[0] for path in seen} >= {"/", "/stories", "/article", "/feed.atom", "/openapi.json"}


def test_every_page_answers_304_to_its_own_etag(client: TestClient, known: Known) -> None:
    for path in ("/", "/stories", f"/stories/{known.open_story}", f"/article?id={known.article_id}", "/static/live.js"):
        answer = client.get(path)
        again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (answer.status_code, again.status_code) == (200, 304), path


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_merged_story_leads_to_its_successor(client: TestClient, known: Known, prefix: str) -> None:
    answer = client.get(f"{prefix}/stories/{known.merged_story}")
    assert answer.status_code == 308
    assert client.get(answer.headers["location"]).status_code == 200


def test_a_forgotten_story_is_gone_and_an_unknown_one_not_found(client: TestClient, known: Known) -> None:
    for path, status in ((known.forgotten_story, 410), ("st-unknown", 404)):
        page, api = client.get(f"/stories/{path}"), client.get(f"/api/stories/{path}")
        assert (page.status_code, api.status_code) == (status, status)
        assert page.headers["content-type"].startswith("text/html")
        assert api.headers["content-type"] == "application/problem+json"
        assert api.json()["status"] == status
        assert api.json()["detail"]


@pytest.mark.parametrize("path", ["/nosuch", "/stories/a/b/c", "/apis"])
def test_an_unknown_path_is_a_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "To the front page" in answer.text


@pytest.mark.parametrize(
    ("path", "status"), [("/api", 404), ("/api/nosuch", 404), ("/static/none.js", 404), ("/feed.json?limit=x", 400)]
)
def test_programs_get_problem_details(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status


def test_the_etag_of_a_story_is_its_version(client: TestClient, known: Known) -> None:
    answer = client.get(f"/api/stories/{known.open_story}")
    assert answer.headers["etag"] == f'"{answer.json()["version"]}"'


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/stories?limit=1000", "limit=1000: send a whole number from 1 to 100"),
        ("/api/stories?limit=", "limit=: send a whole number from 1 to 100"),
        ("/api/stories?order=old", "order=old: send one of large, new, recent"),
        ("/api/stories?leaning=null", "leaning=null: send one of center, left, right"),
        (f"/api/stories?q={'x' * 201}", f"q={'x' * 40}…: send 0 to 200 characters"),
        ("/api/stories?limit=2&limit=3", "limit is given twice: send it once"),
        ("/api/changes?from=1", "from is no parameter here: send changed_after, limit or none"),
        ("/api/article", "id is missing: send 1 to 256 characters"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_to_send(client: TestClient, path: str, detail: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)


def test_a_page_ignores_fields_without_a_value_and_parameters_that_it_does_not_have(client: TestClient) -> None:
    assert client.get("/stories?utm_source=x&outlet=&leaning=&order=").status_code == 200
    assert "order=old: send one of large, new, recent" in client.get("/stories?order=old").text


def test_an_error_of_the_server_is_a_problem(settings: Settings, tmp_path: Path) -> None:
    client = client_of(settings, ModelFile(tmp_path / "none.db").reader)
    assert client.get("/api/stories").status_code == 500
    assert client.get("/api/stories").headers["content-type"] == "application/problem+json"


Rewrite = Callable[[Callable[[Story], Story]], tuple[TestClient, str]]


@pytest.fixture
def rewrite(settings: Settings, model_file: ModelFile, known: Known, tmp_path: Path) -> Rewrite:
    """Return a function that changes the open story; it returns a client and the story's page."""

    def change(edit: Callable[[Story], Story]) -> tuple[TestClient, str]:
        copy = ModelFile(tmp_path / "page.db")
        with closing(model_file.reader()) as source, closing(copy.connect()) as target:
            source.backup(target)
            value = source.execute("SELECT value FROM stories WHERE id = ?", (known.open_story,)).fetchone()[0]
            record = Record(
                f"{settings.topic_prefix}stories", 9, 0, 0, known.open_story.encode(), encode(edit(decode_story(value)))
            )
            ReadModel(target, settings).apply([record])
        client = client_of(settings, copy.reader)
        return client, client.get(f"/stories/{known.open_story}").text

    return change


def test_a_hostile_title_is_only_text(rewrite: Rewrite) -> None:
    client, page = rewrite(lambda story: msgspec.structs.replace(story, title=HOSTILE))
    for text in (page, client.get("/").text, client.get("/stories").text, client.get("/feed.atom").text):
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "{{ 7*7 }}" in text
    assert client.get("/feed.json").json()["items"]


def test_the_page_is_protected(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*src=)", client.get("/").text)


def test_a_search_finds_words_of_titles_and_texts_in_any_order(client: TestClient, known: Known) -> None:
    title = client.get(f"/api/stories/{known.open_story}").json()["title"]
    words = " ".join(reversed(title.split()))
    found = client.get("/api/stories", params={"q": words, "edition": "main"}).json()["stories"]
    assert known.open_story in {story["id"] for story in found}
    assert client.get("/api/stories", params={"q": "happened again"}).json()["stories"]
    assert client.get("/api/stories", params={"q": "nobodywrotethis"}).json()["stories"] == []
    assert client.get("/api/stories", params={"q": '" OR * ( NEAR'}).status_code == 200
