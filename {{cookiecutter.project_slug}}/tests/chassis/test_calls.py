"""The spans of calls to Firestore, as a collector receives them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Flask

from chassis import Settings, close_app
from chassis.firestore import datastore as firestore

from .collector import Collector
from .things import open_test_app


def test_a_call_s_span_belongs_to_its_request_and_has_no_values(
    collector: Collector, ending: Callable[[Flask], Flask], reachable: dict[str, Any]
) -> None:
    app = open_test_app(Settings(**reachable, otel_exporter_otlp_endpoint=collector.endpoint))

    @app.post("/documents")
    def create() -> str:
        document = firestore().client.document("things/secret")
        firestore().call(partial(document.create, {"name": "secret"}))
        return ""

    client = ending(close_app(app)).test_client()
    assert client.post("/documents", buffered=True).status_code == 200
    assert client.post("/documents", buffered=True).status_code == 409
    collector.wait(lambda it: len(it.spans) == 4)
    first, request, second, _ = collector.spans
    assert (first.name, first.kind) == ("create", 3)
    assert (first.trace, first.parent) == (request.trace, request.id)
    about = {"db.system.name": "gcp.firestore", "db.operation.name": "create"}
    assert first.attributes == about
    assert second.failed
    assert second.attributes == about | {"error.type": "AlreadyExists"}
    assert not [body for body in collector.bodies if b"secret" in body]
