"""A walk of the OpenAPI document: every answer is declared, fits its schema, and has an ETag to which the page answers 304."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

import jsonschema
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from newsloom.settings import Settings
from services.storypage.read_model.file import ModelFile
from tests.unit.storypage.application import client_of
from tests.unit.storypage.values import Known, known_values

STREAMS: Final = {"/api/live"}


@pytest.fixture(scope="module")
def client(settings: Settings, model_file: ModelFile) -> TestClient:
    return client_of(settings, model_file.reader)


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    loaded: dict[str, Any] = client.get("/openapi.json").json()
    return loaded


@pytest.fixture(scope="module")
def known(model_file: ModelFile) -> Known:
    return known_values(model_file)


def test_the_document_is_openapi_3_1_and_names_each_operation(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    operations = [path["get"]["operationId"] for path in document["paths"].values()]
    assert len(operations) == len(set(operations)) > 9


def text(known: Known) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(known.all), st.text(max_size=30), st.integers(-2, 200).map(str))


@st.composite
def requests(draw: st.DrawFn, document: dict[str, Any], known: Known) -> tuple[str, str, dict[str, str]]:
    """Draw a path of the document, the path of a request, and its query: of known values, and of any text."""
    path = draw(st.sampled_from(sorted(set(document["paths"]) - STREAMS)))
    operation = document["paths"][path]["get"]
    filled, query = path, {}
    for parameter in operation["parameters"]:
        values = st.sampled_from(parameter["schema"]["enum"]) if "enum" in parameter["schema"] else text(known)
        if parameter["in"] == "path":
            values = st.sampled_from(known.story_ids) if parameter["name"] == "story_id" else values
            filled = filled.replace(f"{{{parameter['name']}}}", quote(draw(values), safe="") or "-")
        elif parameter["required"] or draw(st.booleans()):
            query[parameter["name"]] = draw(values)
    return path, filled, query


@hypothesis_settings(max_examples=250, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_every_answer_is_declared(
    client: TestClient, document: dict[str, Any], known: Known, data: st.DataObject
) -> None:
    path, filled, query = data.draw(requests(document, known))
    answer = client.get(filled, params=query)
    if path not in _paths_of(document, filled):
        return  # An id that is a path of its own, such as `a/b`.
    declared = document["paths"][path]["get"]["responses"]
    assert str(answer.status_code) in declared, (filled, query, answer.text)
    contents = declared[str(answer.status_code)].get("content", {})
    if contents:
        media_type = answer.headers["content-type"].partition(";")[0]
        assert media_type in contents
        if "json" in media_type:
            schema = {**contents[media_type]["schema"], "components": document["components"]}
            jsonschema.validate(answer.json(), schema)
    if answer.status_code == 200:
        again = client.get(filled, params=query, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


def _paths_of(document: dict[str, Any], filled: str) -> set[str]:
    return {path for path in document["paths"] if path.count("/") == filled.count("/")}


def test_every_operation_answers_200_once(client: TestClient, document: dict[str, Any], known: Known) -> None:
    for path, methods in document["paths"].items():
        if path in STREAMS:
            continue
        filled = path.replace("{story_id}", known.open_story).replace("{version}", "1")
        query = {"id": known.article_id} if path == "/api/article" else {}
        answer = client.get(filled, params=query)
        assert answer.status_code == 200, (filled, answer.text)
        assert json.dumps(methods)
