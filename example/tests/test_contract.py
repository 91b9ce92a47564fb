"""Your application responds as its document declares."""

import tomllib
from pathlib import Path
from typing import Any

import schemathesis
import yaml
from flask import Flask
from hypothesis import HealthCheck, settings

from .chassis import generated  # noqa: F401

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs/swagger.yaml"
schema = schemathesis.openapi.from_path(DOCUMENT)


@schema.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # examples share a datastore
def test_generated_requests_get_what_the_document_promises(
    app: Flask, case: schemathesis.Case[Any]
) -> None:
    case.operation.schema.app = app  # for the requests of the checks
    case.call_and_validate(app=app)


def test_the_exported_document_is_up_to_date(app: Flask) -> None:
    exported = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    assert exported == app.extensions["document"], "run `make docs`"


def test_every_route_is_documented_or_marked_as_undocumented(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        assert hasattr(view, "operation") or hasattr(view, "undocumented"), (
            f"{endpoint} is not in the document: decorate its function with @operation() or, to "
            "leave it out, with @undocumented (both from chassis)"
        )


def test_pyproject_has_the_version_of_the_application(app: Flask) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == app.extensions["document"]["info"]["version"]
