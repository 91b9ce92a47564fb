"""A project with telemetry=prometheus, and a real Prometheus that reads its metrics."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conftest import Bake, serving
from tests.support.datastores import children
from tests.support.edits import append, blocks, replace
from tests.support.load import load
from tests.support.machine import environment, fetch, free_port, missing, run

pytestmark = pytest.mark.thorough

# The answers with the most metrics.
ANSWERS = {"telemetry": "prometheus", "datastore": "sql", "model": "onnx"}
PAGE = "docs/telemetry.md"
CUSTOMER = {"age": 41, "months": 16, "visits": 11.5, "plan": "plus"}
FAILING = """

@app.get("/failing")
def failing() -> tuple[str, int]:
    return "", 500
"""


def promtool(*arguments: str | Path, given: str | None = None) -> str:
    tool = shutil.which("promtool") or missing("promtool, of Debian's package prometheus")
    done = subprocess.run(
        [tool, *arguments], input=given, text=True, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def project(workshop: Bake) -> Path:
    project = workshop(**ANSWERS)
    append(project / "wsgi.py", FAILING)
    return project


@pytest.fixture
def metrics() -> str:
    """Return a free port for the metrics."""
    return str(free_port())


@pytest.fixture
def settings(project: Path, tmp_path: Path, metrics: str) -> dict[str, str]:
    """Return the settings of a server with two workers and a database."""
    own = {"DATABASE_URL": f"sqlite:///{tmp_path}/app.db"}
    run("make", "migrate", cwd=project, **own)
    return own | {"METRICS_PORT": metrics, "WORKERS": "2", "ACCESS_LOG": "off"}


class Prometheus:
    """A running Prometheus."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **parameters: str) -> Any:
        page = fetch(f"{self.address}/api/v1/{path}?{urlencode(parameters)}")
        return json.loads(page)["data"]

    def query(self, expression: str) -> list[float]:
        found = self.get("query", query=expression)["result"]
        return [float(each["value"][1]) for each in found]

    def soon(self, expression: str, *values: float) -> None:
        """Wait until an expression has the given values; fail after ten seconds."""
        end = time.monotonic() + 10
        while (found := self.query(expression)) != [*values]:
            assert time.monotonic() < end, f"{expression} is {found}, not {values}"
            time.sleep(0.3)


@pytest.fixture
def prometheus(project: Path, metrics: str, tmp_path: Path) -> Iterator[Prometheus]:
    """Yield a Prometheus with the page's configuration and a scrape interval of one second."""
    binary = shutil.which("prometheus") or missing("Prometheus, of Debian")
    (configuration,) = (each for each in texts(project) if "scrape_configs" in each)
    changed = configuration.replace("localhost:9464", f"127.0.0.1:{metrics}").replace("15s", "1s")
    often = "global:\n  evaluation_interval: 1s\n"
    (tmp_path / "prometheus.yml").write_text(often + changed, encoding="utf-8")
    shutil.copy(project / "monitoring/alerts.yml", tmp_path)
    promtool("check", "config", tmp_path / "prometheus.yml")
    port = free_port()
    command = [
        binary,
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            fetch(f"http://127.0.0.1:{port}/-/ready")
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def texts(project: Path) -> list[str]:
    """Return the code blocks of the page."""
    return re.findall(r"```\w+\n(.*?)```", (project / PAGE).read_text("utf-8"), re.DOTALL)


def post(address: str, path: str, body: object) -> None:
    data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"{address}{path}", data, headers)).close()


def workers(master: int) -> list[int]:
    """Return the workers of a server: its children except the metrics process."""
    return [each for each in children(master) if each != exporter(master)]


def exporter(master: int) -> int:
    """Return the metrics process, which is the first child."""
    return min(children(master))


def test_the_sums_are_correct_after_kills_and_after_a_restart(
    project: Path, prometheus: Prometheus, settings: dict[str, str]
) -> None:
    count = 'sum(http_requests_total{route="/health",status="200"})'

    def sent(port: int) -> int:
        with load(("127.0.0.1", port), 8, "close") as clients:
            time.sleep(2)
        assert not any(client.lost for client in clients)
        return sum(client.answered for client in clients)

    with serving(project, **settings) as server:
        total = 1 + sent(server.port)  # serving() has sent the first
        prometheus.soon(count, total)
        for process in workers(server.process.pid):
            os.kill(process, signal.SIGKILL)
        time.sleep(2)
        total += sent(server.port)
        prometheus.soon(count, total)
        os.kill(exporter(server.process.pid), signal.SIGKILL)
        total += sent(server.port)
        prometheus.soon(count, total)
        prometheus.soon("sum(http_requests_in_flight)", 0)
        buckets = 'sum(http_request_duration_seconds_bucket{route="/health",le="+Inf"})'
        prometheus.soon(buckets, total)
    prometheus.soon("up", 0)
    with serving(project, **settings) as server:
        prometheus.soon(count, 1 + sent(server.port))


def test_ten_thousand_unknown_paths_make_one_series(
    project: Path, prometheus: Prometheus, settings: dict[str, str]
) -> None:
    with serving(project, **settings) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for number in range(10_000):
            connection.request("GET", f"/{number}?token=secret")
            with connection.getresponse() as response:
                response.read()
        connection.close()
        prometheus.soon('http_requests_total{route="none"}', 10_000)
        prometheus.soon("count(http_requests_total)", 2)  # and /health


def test_each_panel_has_data_and_each_alert_can_be_evaluated(
    project: Path, prometheus: Prometheus, settings: dict[str, str]
) -> None:
    panels = {
        target["expr"]: panel["title"]
        for dashboard in (project / "monitoring").glob("*.json")
        for panel in json.loads(dashboard.read_text("utf-8"))["panels"]
        for target in panel["targets"]
    }
    assert len(panels) > 10
    with serving(project, **settings) as server:
        end = time.monotonic() + 5
        while time.monotonic() < end:
            post(server.address, "/api/v1/items", {"name": "Ada"})
            post(server.address, "/api/v1/predictions", {"instances": [CUSTOMER] * 3})
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"{server.address}/failing")
            time.sleep(0.1)
        time.sleep(1.5)
        for expression, title in panels.items():
            assert prometheus.query(expression), title
        assert prometheus.query("sum by (label) (model_labels_total) % 3") == [0]
        for group in prometheus.get("rules")["groups"]:
            assert [rule["health"] for rule in group["rules"]] == ["ok"] * 3
        place = prometheus.get("alerts")["alerts"]
        # This alert is pending.
        assert {each["labels"]["alertname"] for each in place} == {"ApiFails"}


def test_promtool_accepts_the_metrics(project: Path, settings: dict[str, str]) -> None:
    with serving(project, **settings) as server:
        post(server.address, "/api/v1/predictions", {"instances": [CUSTOMER]})
        time.sleep(1.5)
        given = fetch(f"http://127.0.0.1:{settings['METRICS_PORT']}/metrics")
    assert "model_labels_total" in given
    assert promtool("check", "metrics", given=given) == ""


# The alert that fires at the end, and its input series with one value a minute.
CASES = [
    (
        "ApiFails",
        """
      - series: 'http_requests_total{job="my-flask-api",status="200"}'
        values: "0+600x20"
      - series: 'http_requests_total{job="my-flask-api",status="500"}'
        values: "0+12x20"
      - series: 'up{job="my-flask-api"}'
        values: "1x20"
""",
    ),
    (
        "ApiIsSlow",
        """
      - series: 'http_request_duration_seconds_bucket{job="my-flask-api",le="1"}'
        values: "0+90x30"
      - series: 'http_request_duration_seconds_bucket{job="my-flask-api",le="2.5"}'
        values: "0+100x30"
      - series: 'http_request_duration_seconds_bucket{job="my-flask-api",le="+Inf"}'
        values: "0+100x30"
      - series: 'up{job="my-flask-api"}'
        values: "1x30"
""",
    ),
    (
        "ApiFails",
        """
      - series: 'process_start_time_seconds{job="my-flask-api",process="worker-0"}'
        values: "0+100x20"
      - series: 'up{job="my-flask-api"}'
        values: "1x20"
""",
    ),
    (
        "ApiIsSlow",
        """
      - series: 'http_requests_in_flight{job="my-flask-api"}'
        values: "16x20"
      - series: 'http_requests_total{job="my-flask-api",status="200"}'
        values: "600x20"
      - series: 'up{job="my-flask-api"}'
        values: "1x20"
""",
    ),
    (
        "ApiIsNotMeasured",
        """
      - series: 'up{job="my-flask-api"}'
        values: "0x20"
""",
    ),
    (
        "",
        """
      - series: 'http_requests_total{job="my-flask-api",status="200"}'
        values: "0+600x20"
      - series: 'http_requests_total{job="my-flask-api",status="500"}'
        values: "0+1x20"
      - series: 'up{job="my-flask-api"}'
        values: "1x20"
""",
    ),
]


@pytest.mark.parametrize(("alert", "series"), CASES)
def test_only_the_expected_alert_fires(bake: Bake, tmp_path: Path, alert: str, series: str) -> None:
    shutil.copy(bake(**ANSWERS) / "monitoring/alerts.yml", tmp_path)
    summaries = dict(
        re.findall(
            r"alert: (\w+).*?summary: ([^\n]+)", (tmp_path / "alerts.yml").read_text(), re.DOTALL
        )
    )
    expected = [
        {
            "eval_time": "19m",
            "alertname": name,
            "exp_alerts": [
                {
                    "exp_labels": {"severity": "page"} | labels(name),
                    "exp_annotations": {"summary": summary},
                }
            ]
            if name == alert
            else [],
        }
        for name, summary in summaries.items()
    ]
    assert len(expected) == 3
    test = f"rule_files: [alerts.yml]\nevaluation_interval: 1m\ntests:\n  - interval: 1m\n    input_series:{series}"
    (tmp_path / "test.yml").write_text(f"{test}    alert_rule_test: {json.dumps(expected)}\n")
    promtool("test", "rules", tmp_path / "test.yml")


def labels(alert: str) -> dict[str, str]:
    return {"job": "my-flask-api"} if alert == "ApiIsNotMeasured" else {}


def test_a_request_without_a_token_is_counted_for_its_route(bake: Bake, metrics: str) -> None:
    project = bake(telemetry="prometheus", auth="jwt")
    with serving(project, METRICS_PORT=metrics) as server:
        with pytest.raises(urllib.error.HTTPError) as refused:
            post(server.address, "/api/v1/greetings", {"name": "Ada"})
        assert refused.value.code == 401
        # Retry, because a request is counted after its response.
        counted = 'http_requests_total{method="POST",route="/api/v1/greetings",status="401"} 1.0'
        fetch(f"http://127.0.0.1:{metrics}/metrics", counted)


def test_an_owner_s_metric_is_summed_over_the_workers(
    project: Path, settings: dict[str, str]
) -> None:
    (module,) = blocks(project, PAGE, "Metrics of your own")
    (project / "api/orders.py").write_text(module, encoding="utf-8")
    append(
        project / "wsgi.py",
        """

@app.get("/order/<country>")
def order(country: str) -> str:
    from api.orders import count

    count(country)
    return country
""",
    )
    with serving(project, **settings) as server:
        for country in ("DE", "FR", "XX", "YY") * 10:
            with urllib.request.urlopen(f"{server.address}/order/{country}") as response:
                response.read()
        page = fetch(f"http://127.0.0.1:{settings['METRICS_PORT']}/metrics")
    found = dict(re.findall(r'^orders_total\{country="(\w+)"\} (\S+)$', page, re.MULTILINE))
    assert found == {"DE": "10.0", "FR": "10.0", "other": "20.0"}


def test_make_start_serves_metrics_as_the_page_shows(project: Path) -> None:
    command = next(each for each in texts(project) if "make start" in each)
    assert command.split() == ["make", "start", "curl", "localhost:9464/metrics"]
    replace(project / "wsgi.py", FAILING, "")
    run("make", "migrate", cwd=project)
    with subprocess.Popen(
        ["make", "start"],
        cwd=project,
        env=environment(PORT=str(free_port())),
        start_new_session=True,
    ) as process:
        try:
            assert "http_requests_in_flight" in fetch("http://localhost:9464/metrics")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
