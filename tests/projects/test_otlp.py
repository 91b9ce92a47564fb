"""Running projects with telemetry=otlp, and a collector that fails and recovers."""

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bake, Server, serving
from tests.support.answer import Answer
from tests.support.collector import Collector
from tests.support.datastores import PostgreSQL, children
from tests.support.edits import append, blocks
from tests.support.installed import install
from tests.support.machine import listening, run

ITEMS = "/api/v1/items"
STATES = ["away", "frozen", "slow", "silent"]
# Appended to wsgi.py: the code of docs/telemetry.md, behind two paths.
VIEWS = """
from flask import request

import api.orders
import api.stock

@app.get("/stock")
def get_stock() -> bytes:
    return api.stock.fetch_stock(request.args["url"])

@app.get("/orders")
def get_orders() -> str:
    api.orders.place_order()
    return ""
"""


@pytest.fixture
def project(workshop: Bake) -> Path:
    project = workshop(telemetry="otlp", datastore="sql")
    for name, heading in (
        ("orders", "Your own spans and metrics"),
        ("stock", "Calls to other services"),
    ):
        (code,) = blocks(project, "docs/telemetry.md", heading)
        (project / f"api/{name}.py").write_text(code, encoding="utf-8")
    append(project / "wsgi.py", VIEWS)
    return project


@pytest.fixture
def collector(project: Path, tmp_path: Path) -> Iterator[Collector]:
    collector = Collector(project, tmp_path)
    collector.start()
    yield collector
    collector.stop()


class Upstream(BaseHTTPRequestHandler):
    traceparents: list[str | None] = []

    def do_GET(self) -> None:
        self.traceparents.append(self.headers["traceparent"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


def test_a_request_its_statements_and_its_calls_are_one_trace(
    project: Path, collector: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    with listening(Upstream) as upstream, serving(project, **collector.settings) as server:
        assert Answer(server, ITEMS, {"name": "secret"}).status == 201
        assert Answer(server, f"/stock?url={upstream}").status == 200
        assert Answer(server, "/orders").status == 200
        request = collector.wait(lambda span: span["name"] == f"POST {ITEMS}")
        insert = collector.wait(lambda span: span["name"] == "INSERT items")
        outer = collector.wait(lambda span: span["name"] == "GET /stock")
        call = collector.wait(lambda span: span["name"] == "GET stock")
        own = collector.wait(lambda span: span["name"] == "place order")
        orders = collector.wait(lambda span: span["name"] == "GET /orders")
    for child, parent in ((insert, request), (call, outer), (own, orders)):
        assert (child["trace"], child["parent"]) == (parent["trace"], parent["id"])
    (sent,) = Upstream.traceparents
    assert str(sent).startswith(f"00-{call['trace']}-{call['id']}-")
    assert "secret" not in json.dumps(collector.spans())
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line[0] == "{"]
    (line,) = [line for line in lines if line.get("path") == ITEMS]
    assert (line["trace_id"], line["span_id"]) == (request["trace"], request["id"])


@pytest.mark.thorough
def test_the_code_of_the_page_satisfies_the_linters(project: Path) -> None:
    install(project)
    run(".venv/bin/mypy", "api", "chassis", cwd=project)
    run(".venv/bin/ruff", "check", "--ignore=I", "api", cwd=project)


@pytest.mark.thorough
def test_each_worker_sends_including_the_replacement_of_a_killed_one(
    project: Path, collector: Collector
) -> None:
    def instances(server: Server, count: int) -> set[str]:
        """Send requests until `count` workers have sent spans; return the ids of the workers."""
        for _ in range(200):
            for _ in range(5):
                assert Answer(server, "/health").status == 200
            found = {span["resource"]["service.instance.id"] for span in collector.spans()}
            if len(found) == count:
                return found
            time.sleep(0.05)
        raise AssertionError(f"there are {found}")

    with serving(project, WORKERS="2", **collector.settings) as server:
        before = instances(server, 2)
        os.kill(children(server.process.pid)[0], signal.SIGKILL)
        time.sleep(1)
        assert before < instances(server, 3)


def become(collector: Collector, state: str) -> socket.socket | None:
    """Stop, freeze or slow a collector, or replace it with a socket that accepts nothing."""
    if state == "frozen":
        collector.send_signal(signal.SIGSTOP)
        return None
    collector.stop()
    if state == "slow":
        collector.start(delay=3)
    return socket.create_server(("127.0.0.1", collector.port)) if state == "silent" else None


def send_until(server: Server, collector: Collector, count: int) -> None:
    """Send requests until the collector has received this number of spans, for 20 seconds at most."""
    end = time.monotonic() + 20
    while len(collector.spans()) < count:
        Answer(server, "/health")
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.thorough
@pytest.mark.parametrize("state", STATES)
def test_a_collector_that_fails_delays_no_request_and_is_logged_once(
    project: Path, collector: Collector, capfd: pytest.CaptureFixture[str], state: str
) -> None:
    settings = collector.settings | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "WORKERS": "1"}
    with serving(project, **settings) as server:
        send_until(server, collector, 1)
        capfd.readouterr()  # a busy machine can be too slow for the first export
        held = become(collector, state)
        slowest, end = 0.0, time.monotonic() + 8
        while time.monotonic() < end:
            answer = Answer(server, ITEMS)
            assert answer.status == 200
            slowest = max(slowest, answer.seconds)
        if held:
            held.close()
        collector.stop()
        collector.start()
        send_until(server, collector, len(collector.spans()) + 10)
    assert slowest < 1
    log = capfd.readouterr().out
    assert len(re.findall("Cannot send traces", log)) == 1
    assert len(re.findall("Cannot send metrics", log)) <= 1
    assert "receives traces again" in log
    assert not re.findall('"logger":"(opentelemetry|urllib3)', log)


@pytest.mark.thorough
@pytest.mark.parametrize("state", ["well", *STATES])
def test_a_shutdown_takes_less_than_three_seconds_and_sends_the_last_spans(
    project: Path, collector: Collector, state: str
) -> None:
    """Measured: 0.9 s; 1.0 s if exports had failed before; 1.9 s right after a collector froze."""
    with serving(project, WORKERS="2", **collector.settings) as server:
        collector.wait(lambda span: span["name"] == "GET /health")
        held = None if state == "well" else become(collector, state)
        for _ in range(50):
            Answer(server, ITEMS)
        Answer(server, "/no/such/page")
        began = time.monotonic()
        server.process.terminate()
        assert server.process.wait(timeout=15) == 0
        assert time.monotonic() - began < 3
        if held:
            held.close()
    if state == "well":
        collector.wait(lambda span: span["attributes"].get("url.path") == "/no/such/page", 1)


@pytest.mark.thorough
def test_statements_are_recorded_on_postgresql_too(project: Path, postgresql: PostgreSQL) -> None:
    install(project)
    url = postgresql.url("postgres")
    tests = ".venv/bin/pytest", "-rA", "tests/chassis/test_statements.py"
    output = run(*tests, cwd=project, TEST_DATABASE_URL=url)
    assert re.search(r"^PASSED .*\[postgresql\]", output, re.MULTILINE)
