"""The tools in bench/: a load that counts every delay, and comparisons within a round."""

import json
import os
import sys
import time
import urllib.request
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any

import pytest

from bench import others, paced
from bench import servers as bench_servers
from bench.measured import Bench
from bench.report import Goal, Table, by_connections
from bench.servers import as_rendered, gunicorn, serve
from bench.serving import kinds
from tests.conftest import Bake
from tests.support.datastores import children
from tests.support.installed import install
from tests.support.machine import listening, run
from tools.variants import TEMPLATE


class Stalling(BaseHTTPRequestHandler):
    """Respond at once, but hold all responses for one second when the tenth request arrives."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    number = count(1)
    until = 0.0

    def do_GET(self) -> None:
        if next(self.number) == 10:
            type(self).until = time.monotonic() + 1
        time.sleep(max(0, self.until - time.monotonic()))
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def port() -> Any:
    Stalling.number, Stalling.until = count(1), 0.0
    with listening(Stalling) as address:
        yield int(address.rpartition(":")[2])


def ask(port: int, path: str, **load: int) -> tuple[list[float], int]:
    """Send requests; return the latencies of those with a 200, and the number of the others."""
    seconds, lost, connections = paced.run(port, path, **load)
    for connection in connections:
        connection.socket.close()
    return seconds, lost


def test_each_request_that_was_due_during_a_stall_counts_as_slow(port: int) -> None:
    seconds, lost = ask(port, "/", rate=100, count=200, connections=1)
    assert (len(seconds), lost) == (200, 0)
    # A hundred requests were due in that second. A closed loop would have sent only one of them.
    assert sum(took > 0.2 for took in seconds) > 50
    assert max(seconds) >= 0.9


def test_a_response_other_than_200_counts_as_lost(port: int) -> None:
    seconds, lost = ask(port, "/busy", rate=0, count=5, connections=5)
    assert (seconds, lost) == ([], 5)


def test_a_refused_connection_counts_as_lost() -> None:
    seconds, lost = ask(1, "/", rate=0, count=5, connections=5)
    assert (seconds, lost) == ([], 5)


def measured(*rounds: tuple[float, float]) -> list[dict[str, Any]]:
    table = Table("Boot", "s")
    for bare, own in rounds:
        table.add({"bare": bare, "own": own}, {"own": "bare"})
    return [table.as_json()]


def test_a_ratio_is_computed_per_round_and_not_from_the_medians() -> None:
    """A round on a machine that was three times slower does not change the ratio."""
    bare, own = measured((1, 2), (3, 6), (1.2, 2.4))[0]["rows"]
    assert (own["ratio"], own["ratio_min"], own["ratio_max"]) == (2, 2, 2)
    assert (bare["median"], own["median"]) == (1.2, 2.4)
    assert "ratio" not in bare


@pytest.mark.parametrize(
    ("goal", "slack", "met"),
    [
        (Goal("Boot", "own", most=2), 1, True),
        (Goal("Boot", "own", most=1.9), 1, False),
        (Goal("Boot", "own", least=2), 1, True),
        (Goal("Boot", "own", least=2.1), 1, False),
        (Goal("Boot", "own", most=1.4), 1.5, True),
        (Goal("Boot", "own", most=1.3), 1.5, False),
        (Goal("Boot", "own", least=2.9), 1.5, True),
        (Goal("Boot", "own", least=3.1), 1.5, False),
    ],
)
def test_a_goal_limits_the_ratio_with_some_slack(goal: Goal, slack: float, met: bool) -> None:
    assert goal.judge(measured((1, 2)), slack)[0] == met


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("bench", ["--only", "model,latncy"], "--only: latncy is not a section; choose from rend"),
        ("bench", ["--rounds", "0"], "--rounds and --seconds must be 1 or more"),
        ("bench.answers", ["x"], "The number of rounds must be 1 or more, not x."),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_measured(
    module: str, arguments: list[str], message: str
) -> None:
    with pytest.raises(AssertionError) as failed:
        run(sys.executable, "-m", module, *arguments, cwd=TEMPLATE)
    assert message in str(failed.value)
    assert "Traceback" not in str(failed.value)


def test_a_goal_that_was_not_measured_is_an_error() -> None:
    with pytest.raises(LookupError, match="Boot: cold was not measured"):
        Goal("Boot", "cold", most=1).judge(measured((1, 2)))


def test_a_cost_below_zero_meets_a_goal() -> None:
    """Two servers that are equally fast differ a little, in either direction."""
    assert Goal("Boot", "own", most=1).judge(measured((1, -0.5)))[0]


def test_the_tables_of_the_picture_differ_only_in_the_number_of_connections() -> None:
    titles = ["/health, 2 CPUs, 1 connection", "/health, 2 CPUs, 1,000 connections"]
    others = ["/health, 1 CPU, 1 connection", "/health, 2 CPUs, compared with other frameworks"]
    tables = [{"title": title, "rows": [title]} for title in titles + others]
    found = by_connections(tables, "/health, 2 CPUs")
    assert found == {"1": [titles[0]], "1,000": [titles[1]]}


@pytest.mark.thorough
def test_a_reference_does_not_use_the_project_s_server_settings(workshop: Bake) -> None:
    project = workshop()
    install(project)
    with serve(gunicorn(project, "--workers=2", "bare_flask:app")) as running:
        workers = children(running.pid)
        assert len(workers) == 2
        for worker in workers:  # a sync worker, which is gunicorn's default
            assert len(os.listdir(f"/proc/{worker}/task")) == 1


@pytest.mark.thorough
def test_a_server_is_measured_after_all_its_workers_have_started(workshop: Bake) -> None:
    project = workshop()
    install(project)
    with serve(as_rendered(project, WORKERS="5")) as running:
        assert len(children(running.pid)) == 5


@pytest.mark.thorough
def test_every_request_of_the_benchmark_gets_its_status() -> None:
    """Each datastore has the rows of a full measurement; the other frameworks run, too."""
    run("make", ".venv/fastapi/fastapi.txt", ".venv/litestar/litestar.txt", cwd=TEMPLATE)
    with closing(Bench(seconds=1, quick=False)) as bench:
        calls = [*kinds(bench, workers=1).values()]
        for kind, how in others.CALLS.items():
            calls += [(each, how["path"], how) for each in others.servers(bench, kind, 1).values()]
        for server, path, how in calls:
            with serve(server) as running:
                status = bench_servers.ask(running.port, path, how.get("body", ""))
            assert (server, path, status) == (server, path, how.get("status", 200))


@pytest.mark.thorough
def test_the_model_of_the_benchmark_predicts_the_same_in_each_server() -> None:
    run("make", ".venv/sklearn/sklearn.txt", cwd=TEMPLATE)
    found: dict[str, list[Any]] = {"this project": [], others.SKLEARN: []}
    with closing(Bench(seconds=1, quick=True)) as bench:
        for name, server in others.predicting(bench, 1).items():
            with serve(server) as running:
                url = f"http://127.0.0.1:{running.port}{others.PREDICTIONS}"
                for size in others.SIZES:
                    body = others.instances(size).encode()
                    head = {"Content-Type": "application/json"}
                    with urllib.request.urlopen(
                        urllib.request.Request(url, body, head)
                    ) as response:
                        found[name] += json.load(response)["predictions"]
    own, theirs = found.values()
    assert len(own) == len(theirs) == sum(others.SIZES)
    assert {each["label"] for each in own} == {"cancels", "renews"}
    for ours, other in zip(own, theirs, strict=True):
        assert ours["label"] == other["label"]
        assert ours["probability"] == pytest.approx(other["probability"], abs=1e-5)
