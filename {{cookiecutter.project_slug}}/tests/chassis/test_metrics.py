"""Metrics of a server with two workers, as Prometheus reads them."""

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .server import Server, serving, start

# A request without its body.
HALFWAY = b"\r\n".join(
    [
        b"POST /things HTTP/1.1",
        b"Host: test",
        b"Content-Type: application/json",
        b"Content-Length: 9",
        b"",
        b"",
    ]
)


class Metered(NamedTuple):
    """A running server, and its metrics port."""

    server: Server
    port: int

    def text(self) -> str:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def samples(self, name: str) -> dict[tuple[str, ...], float]:
        """Return the values of a metric, by the values of its labels."""
        return {
            tuple(sample.labels.values()): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
            if sample.name == name
        }

    def requests(self) -> dict[tuple[str, ...], float]:
        """Return the requests by method, route and status, without those of the startup."""
        found = self.samples("http_requests_total")
        found.pop(("GET", "/", "200"), None)
        return found

    def counts(self, number: int, *labels: str) -> bool:
        """Return whether the count reaches a number; a request is counted after its response."""
        return soon(lambda: self.requests().get(labels) == number)

    def processes(self) -> dict[str, int]:
        """Return the ids of the metrics process and of the workers, by name."""
        parent = self.server.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        workers = {self.server.worker(), self.server.worker()}
        return {"metrics": next(int(each) for each in children if int(each) not in workers)} | {
            f"worker-{number}": worker for number, worker in enumerate(sorted(workers))
        }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def folder_of(worker: int) -> Path:
    """Return the folder in which a worker counts."""
    found = set(re.findall(r"\S+/flask-metrics-\w+", Path(f"/proc/{worker}/maps").read_text()))
    (folder,) = found
    return Path(folder)


@contextmanager
def metered(module: str = "things", **environment: str) -> Iterator[Metered]:
    port = free_port()
    own = {"WORKERS": "2", "METRICS_PORT": str(port)} | environment
    with serving(module, **own) as server:
        yield Metered(server, port)


def is_closed(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def soon(what: Callable[[], bool]) -> bool:
    """Return whether a condition becomes true within five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def running() -> Iterator[Metered]:
    with metered() as found:
        yield found


def test_requests_are_counted_by_method_route_and_status(running: Metered) -> None:
    for _ in range(30):
        running.server.get("/health")
    running.server.get("/openapi.json")
    assert running.counts(30, "GET", "/health", "200")
    assert running.counts(1, "GET", "/openapi.json", "200")
    durations = "http_request_duration_seconds_count"
    assert soon(lambda: running.samples(durations)["GET", "/health"] == 30)
    seconds = running.samples("http_request_duration_seconds_sum")["GET", "/health"]
    assert 0 < seconds < 30


def test_unknown_paths_methods_and_headers_make_no_series_of_their_own(running: Metered) -> None:
    before = len(running.text().splitlines())
    for number in range(40):
        running.server.get(f"/unknown/{number}?token=secret{number}", f"X-Api-Key: secret{number}")
        request = f"METHOD{number} /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
        running.server.send(request.encode())
    assert running.counts(40, "GET", "none", "404")
    assert running.counts(40, "other", "none", "405")
    assert len(running.text().splitlines()) < before + 50
    assert "secret" not in running.text()
    assert "unknown" not in running.text()


def test_a_request_is_in_flight_until_its_end(running: Metered) -> None:
    with running.server.connections(3, HALFWAY):
        assert soon(lambda: running.samples("http_requests_in_flight") == {(): 3})
    assert soon(lambda: running.samples("http_requests_in_flight") == {(): 0})


def test_each_process_has_its_own_metrics(running: Metered) -> None:
    found = running.samples("process_resident_memory_bytes")
    assert {name for (name,) in found} == {"master", "metrics", "worker-0", "worker-1"}
    assert all(value > 1_000_000 for value in found.values())


def test_an_idle_connection_to_the_metrics_port_delays_no_other(running: Metered) -> None:
    address = ("127.0.0.1", running.port)
    with socket.create_connection(address), socket.create_connection(address):
        began = time.monotonic()
        assert "http_requests_total" in running.text()
        assert time.monotonic() - began < 1


def test_a_killed_worker_keeps_its_counts_and_leaves_no_gauge() -> None:
    with metered() as found:
        for _ in range(20):
            found.server.get("/health")
        processes = found.processes()
        with found.server.connections(4, HALFWAY):
            assert soon(lambda: found.samples("http_requests_in_flight") == {(): 4})
            for name in ("worker-0", "worker-1"):
                os.kill(processes[name], signal.SIGKILL)
            found.server.worker()
            found.server.worker()
        assert soon(lambda: found.samples("http_requests_in_flight") == {(): 0})
        for _ in range(10):
            found.server.get("/health")
        assert found.counts(30, "GET", "/health", "200")
        assert len(found.samples("process_open_fds")) == 4


def test_a_killed_metrics_process_is_replaced() -> None:
    with metered() as found:
        found.server.get("/health")
        os.kill(found.processes()["metrics"], signal.SIGKILL)
        time.sleep(0.5)
        assert soon(lambda: found.requests() == {("GET", "/health", "200"): 1})


def test_a_shutdown_removes_the_folder_and_closes_the_port() -> None:
    with metered() as found:
        folder = folder_of(found.processes()["worker-0"])
        assert folder.stat().st_mode & 0o777 == 0o700
        found.server.stop()
        assert not folder.exists()
        assert soon(lambda: is_closed(found.port))


def test_a_start_removes_the_folder_of_a_killed_server() -> None:
    with metered() as found:
        processes = found.processes()
        folder = folder_of(processes["worker-0"])
        for process in (found.server.process.pid, *processes.values()):
            os.kill(process, signal.SIGKILL)
        assert soon(lambda: found.server.process.poll() is not None)
    os.utime(folder, (0, 0))
    with metered():
        assert not folder.exists()


def test_a_running_server_keeps_its_folder_when_another_one_starts() -> None:
    with metered() as found:
        folder = folder_of(found.processes()["worker-0"])
        os.utime(folder, (0, 0))
        with metered():
            assert folder.exists()


def test_the_metrics_port_closes_after_the_master_is_killed() -> None:
    with metered() as found, found.server.connections(1, HALFWAY):
        found.server.process.kill()
        assert soon(lambda: is_closed(found.port))


def test_a_port_in_use_fails_the_start_with_one_line() -> None:
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        with start(PORT=str(free_port()), METRICS_PORT=port) as process:
            output, _ = process.communicate(timeout=15)
    assert f"METRICS_PORT={port}: Address already in use. Use another port" in output
    assert "Traceback" not in output


def test_the_api_s_port_is_refused_with_one_line() -> None:
    port = str(free_port())
    with start(PORT=port, METRICS_PORT=port) as process:
        output, _ = process.communicate(timeout=15)
    assert f"METRICS_PORT={port} is the same as PORT: use different ports." in output
    assert "Traceback" not in output


def test_with_port_0_nothing_is_served_or_counted() -> None:
    with serving(METRICS_PORT="0") as server:
        parent = server.process.pid
        assert server.get("/health").status == 200
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        assert children == [str(server.worker())]
