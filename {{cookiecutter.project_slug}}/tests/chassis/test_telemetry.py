"""Spans and metrics, as a collector receives them, and the ids in the logs."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from flask import Flask, Response
from opentelemetry.propagate import inject
from werkzeug.test import TestResponse

from chassis import Settings, close_app, logs, operation
from chassis.security import bearer
from chassis.telemetry import meter, tracer

from .collector import Collector, collecting
from .server import access, serving
from .things import open_test_app

ROOT = Path(__file__).parents[2]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
DURATION, ACTIVE = "http.server.request.duration", "http.server.active_requests"


Ending = Callable[[Flask], Flask]


def stream() -> Iterator[str]:
    yield "first"
    time.sleep(0.1)
    yield "second"


def halfway() -> Iterator[str]:
    yield "first"
    raise RuntimeError("secret")


@pytest.fixture
def app(collector: Collector, ending: Ending) -> Flask:
    """Return an application that sends to the collector."""
    app = open_test_app(Settings(otel_exporter_otlp_endpoint=collector.endpoint))

    @app.get("/things/<uuid:thing_id>")
    def get_thing(thing_id: object) -> str:
        logging.getLogger("own").info("in the view")
        return "thing"

    @app.get("/secret")
    @operation(security=bearer(lambda token: None))
    def get_secret() -> str:
        return "secret"

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("secret")

    @app.get("/stream")
    def get_stream() -> Response:
        return Response(stream())

    @app.get("/halfway")
    def get_halfway() -> Response:
        return Response(halfway())

    @app.get("/own")
    def own() -> dict[str, str]:
        headers: dict[str, str] = {}
        with tracer().start_as_current_span("GET stock"):
            inject(headers)
        meter().create_counter("orders").add(2, {"kind": "book"})
        return headers

    @app.get("/own/broken")
    def own_broken() -> str:
        with tracer().start_as_current_span("own"):
            raise RuntimeError("secret")

    return ending(close_app(app))


def sending_to(collector: Collector) -> Flask:
    return close_app(open_test_app(Settings(otel_exporter_otlp_endpoint=collector.endpoint)))


def send(app: Flask, path: str, **more: Any) -> TestResponse:
    """Send a request, then read and close its response, which ends the span."""
    return app.test_client().open(path, buffered=True, **more)


THING = "/things/00000000-0000-0000-0000-000000000007"


def test_a_span_is_named_by_its_method_and_its_route(app: Flask, collector: Collector) -> None:
    send(app, THING, base_url="https://api.example.com:8443")
    span = collector.span("GET /things/{thing_id}")
    assert (span.kind, span.parent, span.failed) == (2, "", False)
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/things/{thing_id}",
        "http.response.status_code": 200,
        "url.scheme": "https",
        "url.path": THING,
        "server.address": "api.example.com",
        "server.port": 8443,
    }


def test_a_request_without_a_route_is_named_by_its_method(app: Flask, collector: Collector) -> None:
    send(app, "/no/such/page")
    assert collector.span("GET").attributes["http.response.status_code"] == 404


def test_a_request_without_credentials_is_named_by_its_route(
    app: Flask, collector: Collector
) -> None:
    assert send(app, "/secret").status_code == 401
    assert collector.span("GET /secret").attributes["http.response.status_code"] == 401


def test_a_request_with_a_wrong_host_has_a_span(app: Flask, collector: Collector) -> None:
    send(app, "/health", environ_overrides={"HTTP_HOST": "a b"})
    span = collector.span("GET")
    assert span.attributes["http.response.status_code"] == 400
    assert "server.address" not in span.attributes


def test_the_resource_names_the_service_and_the_process(app: Flask, collector: Collector) -> None:
    send(app, "/health")
    span, point = collector.span("GET /health"), collector.newest(DURATION)
    assert span.resource == point.resource
    assert span.resource["service.name"] == "{{ cookiecutter.project_slug }}"
    assert span.resource["service.version"] == "1.2.3"
    assert len(span.resource["service.instance.id"]) == 36


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("OTEL_SERVICE_NAME", "orders", "orders"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,team=a", "shop"),
    ],
)
def test_the_environment_names_the_service(
    collector: Collector,
    ending: Ending,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    value: str,
    name: str,
) -> None:
    monkeypatch.setenv(variable, value)
    app = ending(sending_to(collector))
    send(app, "/health")
    assert collector.span("GET /health").resource["service.name"] == name


def test_durations_are_counted_by_route_and_status(app: Flask, collector: Collector) -> None:
    for number in range(3):
        send(app, f"/things/00000000-0000-0000-0000-00000000000{number}")
    wanted = {"http__route": "/things/{thing_id}", "http__response__status_code": 200}
    collector.wait(lambda it: it.newest(DURATION, **wanted).value == 3)
    assert collector.newest(DURATION, **wanted).attributes == {
        "http.request.method": "GET",
        "http.route": "/things/{thing_id}",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }


def test_the_metrics_have_few_attributes_whatever_callers_send(
    app: Flask, collector: Collector
) -> None:
    for number in range(50):
        send(
            app,
            f"/{number}?n={number}",
            method=f"X{number}",
            base_url=f"http://host{number}.example",
            environ_overrides={"wsgi.url_scheme": f"s{number}"},
        )
    wanted = {
        "http.request.method": "_OTHER",
        "http.response.status_code": 404,
        "url.scheme": "http",
    }
    collector.wait(lambda it: it.newest(DURATION).value == 50 and len(it.spans) == 50)
    assert all(point.attributes == wanted for point in collector.points[DURATION])
    assert all(
        point.attributes.keys() == {"http.request.method"} for point in collector.points[ACTIVE]
    )
    assert {span.name for span in collector.spans} == {"HTTP"}


def test_no_query_header_body_or_message_is_recorded(app: Flask, collector: Collector) -> None:
    headers = {"Authorization": "Bearer secret", "Cookie": "secret", "User-Agent": "secret"}
    send(app, "/broken?token=secret", headers=headers)
    send(app, "/things", method="POST", json={"name": "secret"}, headers=headers)
    send(app, "/things", method="POST", data="secret", headers=headers)
    collector.wait(lambda it: len(it.spans) == 3 and it.points)
    assert collector.bodies
    assert not [body for body in collector.bodies if b"secret" in body]


def test_a_caller_s_trace_continues(app: Flask, collector: Collector) -> None:
    send(app, "/health", headers=SAMPLED | {"tracestate": "a=1,b=2"})
    span = collector.span("GET /health")
    assert (span.trace, span.parent, span.state) == (TRACE, PARENT, "a=1,b=2")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "no",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01,00-{TRACE}-{PARENT}-01",
    ],
)
def test_an_invalid_traceparent_begins_a_new_trace(
    app: Flask, collector: Collector, wrong: str
) -> None:
    send(app, "/health", headers={"traceparent": wrong, "tracestate": "a=1"})
    span = collector.span("GET /health")
    assert span.trace != TRACE
    assert (span.parent, span.state) == ("", "")


def test_a_request_that_its_caller_does_not_sample_has_metrics_and_no_span(
    app: Flask, collector: Collector
) -> None:
    send(app, "/health", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
    send(app, "/")
    collector.span("GET /")
    assert [span.name for span in collector.spans] == ["GET /"]
    assert collector.newest(DURATION, http__route="/health").value == 1


def test_the_sampler_of_the_environment_decides(
    collector: Collector, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    app = ending(sending_to(collector))
    send(app, "/health")
    send(app, "/", headers=SAMPLED)
    assert collector.span("GET /").trace == TRACE
    assert len(collector.spans) == 1


def test_an_exception_in_a_view_fails_the_span_with_its_type(
    app: Flask, collector: Collector
) -> None:
    send(app, "/broken")
    span = collector.span("GET /broken")
    assert span.failed
    assert span.attributes["error.type"] == "RuntimeError"
    assert collector.newest(DURATION, error__type="RuntimeError").value == 1


def test_a_client_error_does_not_fail_the_span(app: Flask, collector: Collector) -> None:
    send(app, "/things", json={}, method="POST")
    span = collector.span("POST /things")
    assert span.attributes["http.response.status_code"] == 422
    assert not span.failed
    assert "error.type" not in span.attributes


def test_a_span_ends_with_the_body(app: Flask, collector: Collector) -> None:
    with app.test_client().get("/stream") as response:
        chunks = iter(response.response)
        next(chunks)
        assert collector.newest(ACTIVE).value == 1
        assert not collector.spans
        assert len(list(chunks)) == 1
    assert collector.span("GET /stream").seconds > 0.1
    collector.wait(lambda it: it.newest(ACTIVE).value == 0)


# % if cookiecutter.deploy == "cloud-run"
@pytest.mark.usefixtures("unconfigured_logging")
def test_lines_belong_to_the_trace_of_the_request_in_cloud_logging(
    collector: Collector, ending: Ending, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(
        otel_exporter_otlp_endpoint=collector.endpoint, google_cloud_project="a-project"
    )
    app = open_test_app(settings)

    @app.get("/logging")
    def log_a_line() -> str:
        logging.getLogger("own").info("in the view")
        return ""

    logs.configure("info")
    send(ending(close_app(app)), "/logging")
    line = json.loads(capsys.readouterr().out)
    span = collector.span("GET /logging")
    assert line["logging.googleapis.com/trace"] == f"projects/a-project/traces/{span.trace}"
    assert line["logging.googleapis.com/spanId"] == span.id
    assert line["logging.googleapis.com/trace_sampled"] is True


# % endif
@pytest.mark.usefixtures("unconfigured_logging")
def test_a_log_line_has_the_ids_of_its_span(
    app: Flask, collector: Collector, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    send(app, THING, headers=SAMPLED)
    line = json.loads(capsys.readouterr().out)
    span = collector.span("GET /things/{thing_id}")
    assert (line["trace_id"], line["span_id"]) == (span.trace, span.id) == (TRACE, span.id)


def test_spans_and_calls_of_the_application_belong_to_the_request(
    app: Flask, collector: Collector
) -> None:
    headers = send(app, "/own").json
    own, request = collector.span("GET stock"), collector.span("GET /own")
    assert (own.trace, own.parent) == (request.trace, request.id)
    assert headers["traceparent"].startswith(f"00-{request.trace}-{own.id}-0")  # type: ignore[index]


def test_an_exception_in_a_span_of_the_application_is_recorded_without_its_message(
    app: Flask, collector: Collector
) -> None:
    send(app, "/own/broken")
    assert collector.span("own").failed
    collector.span("GET /own/broken")
    assert any(b"RuntimeError" in body for body in collector.bodies)
    assert not [body for body in collector.bodies if b"secret" in body]


def test_metrics_of_the_application_are_sent(app: Flask, collector: Collector) -> None:
    send(app, "/own")
    point = collector.newest("orders")
    assert (point.value, point.attributes) == (2, {"kind": "book"})


@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_one_signal_can_be_sent_alone(collector: Collector, ending: Ending, signal: str) -> None:
    endpoint = f"{collector.endpoint}/v1/{signal}"
    settings = Settings(**{f"otel_exporter_otlp_{signal}_endpoint": endpoint})  # type: ignore[arg-type]
    app = ending(close_app(open_test_app(settings)))
    send(app, "/health")
    collector.wait(lambda it: it.spans or it.points)
    time.sleep(0.3)
    assert bool(collector.spans) == (signal == "traces")
    assert bool(collector.points) == (signal == "metrics")


@pytest.mark.parametrize("settings", [{}, {"otel_sdk_disabled": True}])
def test_without_telemetry_spans_and_metrics_of_the_application_do_nothing(
    collector: Collector, settings: dict[str, Any]
) -> None:
    if settings:
        settings = settings | {"otel_exporter_otlp_endpoint": collector.endpoint}
    app = open_test_app(Settings(**settings))

    @app.get("/own")
    def own() -> str:
        with tracer().start_as_current_span("own") as span:
            meter().create_counter("orders").add(1)
            return str(span.is_recording())

    assert send(close_app(app), "/own").text == "False"
    time.sleep(0.2)
    assert not collector.bodies


def test_without_an_endpoint_nothing_of_opentelemetry_is_imported() -> None:
    code = """
import sys
from chassis import Settings
from tests.chassis.things import create_app
assert create_app(Settings()).test_client().get("/health").status_code == 200
print([name for name in sys.modules if name.startswith("opentelemetry.")])
"""
    command = [sys.executable, "-c", code]
    assert subprocess.check_output(command, cwd=ROOT, text=True) == "[]\n"


@pytest.mark.parametrize(
    "wrong", ["localhost:4318", "grpc://a:4317", "http://a b", "http://u:p@a/"]
)
def test_an_invalid_endpoint_fails_the_start(wrong: str) -> None:
    with pytest.raises(
        SystemExit, match="^OTEL_EXPORTER_OTLP_ENDPOINT=.*: use an http or https URL"
    ):
        Settings.from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": wrong})


def test_an_invalid_variable_of_the_sdk_fails_no_request(
    collector: Collector,
    ending: Ending,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "0")
    app = ending(sending_to(collector))
    for _ in range(3):
        assert send(app, "/health").status_code == 200
    assert caplog.text.count("Telemetry is off") == 1


def test_the_collector_s_headers_are_not_logged_when_they_are_invalid(
    collector: Collector,
    ending: Ending,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization: Bearer secret")
    send(ending(sending_to(collector)), "/health")
    assert "OTEL_EXPORTER_OTLP_HEADERS cannot be read" in caplog.text
    assert "secret" not in caplog.text


def test_concurrent_first_requests_are_counted_together(
    collector: Collector, ending: Ending
) -> None:
    app = open_test_app(Settings(otel_exporter_otlp_endpoint=collector.endpoint))
    go_on = Event()

    @app.get("/waiting")
    def wait() -> str:
        go_on.wait(10)
        return ""

    close_app(app)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(ending(app).test_client().get, "/waiting") for _ in range(4)]
        name = "http.server.active_requests"
        try:
            collector.wait(lambda it: it.newest(name, http__request__method="GET").value == 4)
        finally:
            go_on.set()
    assert all(call.result().status_code == 200 for call in calls)


def test_the_reason_of_a_failed_export_is_that_of_an_attempt(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The SDK logs a reason for each attempt. Its last message, that it gives up, has no reason."""
    from chassis.exports import Reason

    reason, log = Reason(), logging.getLogger("exporter")
    log.addFilter(reason)
    text = "Transient error %s encountered while exporting %s batch, retrying in 0.80s."
    log.warning(text, "Connection refused", "span")
    log.error("Failed to export %s batch due to timeout, max retries or shutdown.", "span")
    log.removeFilter(reason)
    assert reason.text == "Connection refused"
    assert not caplog.messages


def test_a_failing_collector_is_logged_once_until_it_recovers(
    app: Flask, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def lines(text: str) -> list[str]:
        return [each.getMessage() for each in caplog.records if text in each.getMessage()]

    collector.status = 400
    for _ in range(10):
        send(app, "/health")
        time.sleep(0.05)
    collector.wait(lambda _: lines("Cannot send traces") and lines("send metrics"))
    assert len(lines("Cannot send")) == 2
    assert "400" in lines("send traces")[0]
    collector.status = 200
    send(app, "/")
    collector.span("GET /")
    collector.wait(lambda _: len(lines("again")) == 2)
    others = [each for each in caplog.records if each.name.startswith("opentelemetry")]
    assert not others


def test_under_gunicorn_a_file_a_failing_stream_and_an_abort_have_spans() -> None:
    with collecting() as collector:
        with serving("broken", OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint) as server:
            for path in ("/stream/file", "/stream/halfway", "/raise/SystemExit", "/in/middleware"):
                with suppress(HTTPException):
                    server.get(path)
            with server.connect() as client:
                client.sendall(b"GET /stream/endless HTTP/1.1\r\nHost: test\r\n\r\n")
                client.recv(1000)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            time.sleep(0.3)
            log = server.stop()
        spans = {span.attributes["url.path"]: span for span in collector.spans}
        lines = access(log)
    failed = {path: span.failed for path, span in spans.items() if path != "/"}
    assert failed == {
        "/stream/file": True,
        "/stream/halfway": True,
        "/raise/SystemExit": True,
        "/in/middleware": True,
        "/stream/endless": False,
    }
    assert spans["/stream/halfway"].attributes["error.type"] == "RuntimeError"
    aborted = spans["/stream/endless"].attributes["error.type"]
    assert aborted in ("BrokenPipeError", "ConnectionResetError")
    assert spans["/in/middleware"].attributes["http.response.status_code"] == 500
    for path, line in lines.items():
        assert (line["trace_id"], line["span_id"]) == (spans[path].trace, spans[path].id)
