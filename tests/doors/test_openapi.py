"""What is documented is what is sent: the document is valid, whole, and held against real answers."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from pydantic import BaseModel
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks
from tests.service import CANARY, Service, unsaid

from moderation.web import docs, shapes
from moderation.web.api import api
from moderation.web.bans_api import bans_api
from moderation.web.own import own
from moderation.web.reports import reports


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/openapi.json").json()
    return found


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_route_of_the_api_is_in_it(document: dict[str, Any]) -> None:
    from flask import Flask

    app = Flask("routes")
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.register_blueprint(api)
    app.register_blueprint(own)
    app.register_blueprint(reports)
    app.register_blueprint(bans_api)
    served = {
        (re.sub(r"<(\w+?)(_id)?>", r"{\1}", str(rule)), method.lower())
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD"}
    }
    documented = {(path, method) for path, operations in document["paths"].items() for method in operations}
    assert documented == served | {("/livez", "get"), ("/readyz", "get")}


def test_each_operation_tells_the_problems_that_it_has(document: dict[str, Any]) -> None:
    post = document["paths"]["/v1/{site}/comments"]["post"]
    told = {status: post["responses"][status]["description"] for status in ("403", "409", "429", "503")}
    assert told == {
        "403": "Comments are closed. The comment you answer is not public under this article. This page may not send "
        "this.",
        "409": "Duplicate comment: it looks as though you already said that.",
        "429": "Too many comments in a short time.",
        "503": "Please try again in a moment.",
    }
    assert {"site", "Idempotency-Key"} == {each["name"] for each in post["parameters"]}
    everything = json.dumps(document)
    for desk_only in ("name or the password", "backtest", "rules file", "second step", "single sign-on"):
        assert desk_only not in everything, desk_only


def test_the_page_names_every_operation_and_problem(service: Service) -> None:
    page = service.get("/docs").text
    for operation in docs.OPERATIONS:
        assert f'id="{operation.id}"' in page
    assert "urn:moderation:problem:duplicate" in page
    assert "urn:moderation:problem:sign-in-refused" not in page, "of the desk alone"
    assert "`" not in page
    assert "<code>next</code> of the page before." in page
    assert "<script" not in page.replace("&lt;script", "")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/open/comments?article=shapes", shapes.ThreadOut),
        ("/v1/open/counts?article=shapes", shapes.CountsOut),
        ("/v1/open/queue?status=all", shapes.QueueOut),
        ("/livez", shapes.LivenessOut),
        ("/readyz", shapes.ReadinessOut),
        ("/v1/nowhere/comments?article=x", shapes.ProblemOut),
        ("/v1/open/comments", shapes.ProblemOut),
    ],
)
def test_real_answers_fit_their_shapes(
    service: Service, script: dict[str, str], path: str, shape: type[BaseModel]
) -> None:
    posted = service.post("open", article="shapes", body=f"Damn [this](https://a.example) {unsaid()}")
    shapes.ReceiptOut.model_validate_json(posted.content)
    service.post("open", article="shapes", parent=posted.json()["id"])
    shape.model_validate_json(service.get(path, headers=script).content)


def test_real_decisions_fit_their_shape(service: Service, script: dict[str, str]) -> None:
    comment = service.post().json()["id"]
    for version in (1, 1):
        ruling = {"id": comment, "version": version, "decision": "approve"}
        answer = service.session.post(f"{service.base}/v1/demo/decisions", json=[ruling], headers=script, timeout=15)
        (outcome,) = answer.json()
        shapes.OutcomeOut.model_validate(outcome)
    ban = {"comment": comment, "effect": "hold", "reason": "To be looked at"}
    made = service.session.post(f"{service.base}/v1/demo/bans", json=ban, headers=script, timeout=15)
    shapes.BanOut.model_validate_json(made.content)
    shapes.BansOut.model_validate_json(service.get("/v1/demo/bans", headers=script).content)
    state = service.session.post(f"{service.base}/v1/demo/articles", json={"article": "a"}, headers=script, timeout=15)
    shapes.ArticleStateOut.model_validate_json(state.content)


def test_made_up_requests_get_only_documented_answers(
    service: Service, script: dict[str, str], document: dict[str, Any]
) -> None:
    """Schemathesis makes requests from the document, good and bad; no answer is a 5xx or contradicts the document."""
    schema = schemathesis.openapi.from_dict(document)
    bounded = settings(max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck), database=None)
    checks = [
        schemathesis.checks.not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance,
    ]
    answered: Counter[int] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @bounded
        @given(case=operation.as_strategy())
        def probe(case: Any) -> None:
            if "site" in (case.path_parameters or {}):
                case.path_parameters["site"] = "demo"
            answer = case.call(base_url=service.base, session=service.session, headers=script, timeout=15)
            answered[answer.status_code] += 1
            case.validate_response(answer, checks=checks)

        probe()
    assert answered.total() >= 100
    assert {200, 422} <= answered.keys()


def test_the_canary_is_a_good_address(service: Service) -> None:
    """If it were refused, searching for it would prove nothing."""
    assert service.post(author={"name": "Ana", "email": CANARY}).status_code == 202
