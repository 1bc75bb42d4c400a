"""schemathesis asks the API for what its OpenAPI document describes, and for what it does not allow.

No answer is a 5xx, each is declared and fits its schema, and the page answers 304 to the ETag of each.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from schemathesis import Case, CheckContext, GenerationMode, Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from newsloom.settings import Settings
from services.storypage.app import build_app
from services.storypage.context import Context
from services.storypage.live import LiveUpdates
from services.storypage.metrics import PageMetrics
from services.storypage.read_model.file import ModelFile
from tests.unit.storypage.application import NOW
from tests.unit.storypage.values import Known, known_values

EXAMPLES: Final = 200
CONFIG: Final = {
    # A request without a fault may ask for a story that is unknown or forgotten.
    "checks": {"positive_data_acceptance": {"expected-statuses": [200, 308, 404, 410]}}
}


@pytest.fixture(scope="module")
def app(settings: Settings, model_file: ModelFile) -> ASGIApp:
    """Return the application; its streams of live updates end at once."""
    live = LiveUpdates()
    live.end()
    context = Context(settings, live, model_file.reader, now=lambda: NOW)
    return build_app(context, PageMetrics(CollectorRegistry()))


@pytest.fixture(scope="module")
def known(model_file: ModelFile) -> Known:
    return known_values(model_file)


@pytest.fixture(scope="module")
def document(app: ASGIApp) -> dict[str, Any]:
    loaded: dict[str, Any] = TestClient(app).get("/openapi.json").json()
    return loaded


@pytest.fixture(scope="module")
def api(app: ASGIApp, document: dict[str, Any], known: Known) -> schemathesis.BaseSchema:
    """Return the document, with values that the page knows; of what only the page can make, these alone are right."""
    for path in document["paths"].values():
        for parameter in path["get"]["parameters"]:
            name, schema = parameter["name"], parameter["schema"]
            if name in known.opaque:
                parameter["schema"] = {"enum": known.opaque[name]}
            elif name in known.texts:
                parameter["schema"] = {"anyOf": [{"enum": known.texts[name]}, schema]}
    schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(CONFIG))
    schema.app = app
    return schema


def answers_304_to_its_own_etag(_context: CheckContext, answer: Response, case: Case[Any]) -> None:
    """Fail if the answer has no ETag, or another one at the next request."""
    if answer.status_code != 200 or case.path == "/api/live":
        return
    again = case.call(headers={"If-None-Match": answer.headers["etag"][0]})
    assert (again.status_code, again.content) == (304, b"")


@hypothesis_settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_every_answer_is_declared_and_none_is_a_failure(api: schemathesis.BaseSchema, data: st.DataObject) -> None:
    operation = api[data.draw(st.sampled_from(sorted(api)))]["GET"]
    mode = data.draw(st.sampled_from(GenerationMode))
    case = data.draw(operation.as_strategy(generation_mode=mode))
    case.call_and_validate(additional_checks=[answers_304_to_its_own_etag])


def test_every_operation_answers_200_to_what_the_page_knows(
    app: ASGIApp, document: dict[str, Any], known: Known
) -> None:
    client = TestClient(app)
    for path in document["paths"]:
        filled = path.replace("{story_id}", known.open_story).replace("{version}", "1")
        query = {"id": known.article_id} if path == "/api/article" else {}
        answer = client.get(filled, params=query)
        assert answer.status_code == 200, (filled, answer.text)
