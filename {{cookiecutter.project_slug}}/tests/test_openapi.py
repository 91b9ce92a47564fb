"""The document says what the API does, and the API does what the document says."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as profile

from api import create_app
from api.openapi import document
from api.settings import Settings

ROOT = Path(__file__).parent.parent

schema = schemathesis.openapi.from_wsgi("/openapi.json", create_app(Settings()))


@pytest.fixture
def api(settings: Settings) -> Flask:
    return create_app(settings)


@schema.parametrize()
@profile(suppress_health_check=[HealthCheck.function_scoped_fixture])  # what one wrote, all see
def test_the_api_keeps_to_its_document(api: Flask, case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(app=api)


def test_every_route_is_in_the_document_and_the_other_way_round(app: Flask) -> None:
    routes = {
        (re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith(("openapi.", "docs."))
    }
    paths = document(app)["paths"]
    assert routes == {(path, method) for path in paths for method in paths[path]}


def test_every_operation_has_an_id_of_its_own(app: Flask) -> None:
    paths = document(app)["paths"]
    ids = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert sorted(ids) == sorted(set(ids)), "give each function a name of its own"


def test_the_exported_document_is_the_code_s(app: Flask) -> None:
    exported = yaml.safe_load((ROOT / "docs/swagger.yaml").read_text(encoding="utf-8"))
    assert exported == document(app), "run `make docs`"


def test_the_document_has_the_project_s_version(app: Flask) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert document(app)["info"]["version"] == project["version"]


def test_the_docs_page_needs_this_server_alone(client: FlaskClient) -> None:
    page = client.get("/docs", buffered=True).text
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(links) == 4
    for link in links:
        assert client.get("/" + link, buffered=True).status_code == 200
    assert "flask_swagger_ui" not in sys.modules, "its files are needed, not its code"
