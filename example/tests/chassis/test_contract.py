"""Generated requests to the application in shop.py get the responses that the document declares."""

import re
from typing import Any

import pytest
import schemathesis
from flask import Flask, abort
from hypothesis import settings
from schemathesis.checks import not_a_server_error

from chassis import Settings, close_app, operation

from . import generated  # noqa: F401
from .shop import DUNE, make_shop, stored
from .statuses import declared_statuses
from .things import open_test_app

# Some of the valid ids. The test replaces them with the id of a book that exists.
ID = "0[0-9a-f]{7}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
app = make_shop()
schema = schemathesis.openapi.from_wsgi("/openapi.json", app)


@schema.auth()
class Credentials:
    """A token that each scheme of the shop accepts."""

    def get(self, case: Any, context: Any) -> str:
        return "writer"

    def set(self, case: Any, data: str, context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schema.exclude(path="/ready").parametrize()
@settings(max_examples=10, derandomize=True)  # so that no run fails by chance
def test_responses_match_the_document(case: schemathesis.Case[Any]) -> None:
    stored.setdefault(DUNE.id, DUNE)
    if re.fullmatch(ID, case.path_parameters.get("book_id", "")):
        case.path_parameters["book_id"] = str(DUNE.id)
    response = case.call()
    # The shop declares 503, but schemathesis reports every 5xx as a failure.
    closed = response.status_code == 503
    case.validate_response(response, excluded_checks=[not_a_server_error] * closed)


@operation()
def get_answer(question: str) -> int:
    if question == "life":
        abort(409, "It depends.")
    return (6, 203) if question == "six" else 42  # type: ignore[return-value]


@pytest.fixture
def answers() -> Flask:
    app = open_test_app(Settings())
    app.get("/answers/<question>")(get_answer)
    return close_app(app)


@pytest.mark.parametrize(("question", "status"), [("life", 409), ("six", 203)])
def test_a_status_that_is_not_declared_fails_the_test_that_gets_it(
    answers: Flask, question: str, status: int
) -> None:
    with (
        pytest.raises(AssertionError, match=rf"GET /answers/.question. sends {status}: declare"),
        declared_statuses(answers),
    ):
        assert answers.test_client().get(f"/answers/{question}").status_code == status


def test_a_status_that_is_declared_passes(answers: Flask) -> None:
    with declared_statuses(answers):
        assert answers.test_client().get("/answers/all").json == 42
        assert answers.test_client().head("/answers/all").status_code == 200
        assert answers.test_client().put("/answers/all").status_code == 405
