"""The server as bin/run.sh starts it, in a process of its own, called over a socket."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import IncompleteRead
from pathlib import Path

import pytest

from chassis import Settings
from chassis.server import cpus

from .server import Server, access, read, serving, start

FAILING = [
    "/raise/SystemExit",
    "/raise/KeyboardInterrupt",
    "/raise/GeneratorExit",
    "/raise/Bare",
    "/in/teardown_request",
    "/in/teardown_appcontext",
    "/in/middleware",
    "/in/error_handler",
    "/stream/at-once",
    "/stream/at-once/whole",
    "/header/%E2%82%AC",
    "/header/%01",
    "/status",
]
HALFWAY = [
    "/stream/halfway",
    "/stream/halfway/whole",
    "/stream/interrupted",
    "/stream/in-the-end",
    "/stream/no-bytes",
    "/stream/file",
]
POST = b"POST /things HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"


def test_the_log_is_json_from_the_first_line_to_the_last() -> None:
    with serving() as server:
        server.get("/health?secret=1", "X-Request-ID: abc", "X-Forwarded-For: 6.6.6.6")
        server.get('/no"such\\path')
        log = server.stop()
    lines = access(log)
    assert lines['/no"such\\path']["status"] == 404
    line = lines["/health"]
    assert (line["method"], line["status"], line["request_id"]) == ("GET", 200, "abc")
    assert line["remote_addr"] == "127.0.0.1"
    assert 0 < line["duration_ms"] < 10_000
    assert "secret" not in str(line)
    assert any(line["message"].startswith("Listening at") for line in log)


def reachable(*hosts: str) -> list[str]:
    """Return the addresses that this machine has."""
    found = []
    for host in hosts:
        with suppress(OSError), socket.create_server((host, 0), family=family_of(host)):
            found.append(host)
    return found


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@pytest.mark.parametrize("host", reachable("127.0.0.1", "::1"))
def test_the_server_listens_at_ipv4_and_ipv6_where_the_machine_has_both(host: str) -> None:
    with serving(host=host) as server:
        server.get("/health")
        assert access(server.stop())["/health"]["remote_addr"] == host


@pytest.mark.parametrize("host", reachable("127.0.0.1", "::1"))
def test_the_server_listens_at_one_address_if_that_is_set(host: str) -> None:
    with serving(host=host, BIND_ADDRESS=host) as server:
        other = {"127.0.0.1": "::1", "::1": "127.0.0.1"}[host]
        with pytest.raises(OSError, match="refused|assign"):
            socket.create_connection((other, server.address[1]))
        assert server.get("/health").status == 200


@pytest.mark.parametrize("text", ["localhost", "1.2.3", "1.2.3.4:80", "[::1]", ":", "::1%lo", "*"])
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(SystemExit, match="use an IPv4 or an IPv6 address"):
        Settings.from_environment({"BIND_ADDRESS": text})


def test_access_lines_can_be_switched_off() -> None:
    with serving(ACCESS_LOG="off") as server:
        server.get("/health")
        assert access(server.stop()) == {}


def test_the_log_level_applies_to_the_server_too() -> None:
    with serving(LOG_LEVEL="warning") as server:
        server.get("/health")
        assert server.stop() == []


def test_the_access_line_has_the_address_that_trusted_proxies_give() -> None:
    with serving(TRUSTED_PROXIES="1") as server:
        server.get("/health", "X-Forwarded-For: 6.6.6.6, 10.0.0.9:5678")
        assert access(server.stop())["/health"]["remote_addr"] == "10.0.0.9"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def test_a_broken_chunk_is_400_and_a_problem(server: Server) -> None:
    response = server.send(POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n")
    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@pytest.mark.parametrize(("size", "status"), [(1, 400), (10, 400), (20, 422), (1000, 422)])
def test_a_body_in_thousands_of_small_chunks_is_400(server: Server, size: int, status: int) -> None:
    body = b'{"name": "%b"}' % (b"x" * 60_000)
    assert server.send(chunked(body, size)).status == status
    assert server.send(chunked(b'{"name": 5}', 1)).status == 422


def test_two_hosts_are_400(server: Server) -> None:
    assert server.get("/health", "Host: other").status == 400


def test_a_body_that_is_cut_off_is_400(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(POST + b'Content-Length: 16\r\n\r\n{"name": "Ada"}')
        connection.shutdown(socket.SHUT_WR)
        assert read(connection).status == 400


def test_a_body_over_the_limit_is_413_however_it_is_sent() -> None:
    """A body of 11 bytes is read to its end, and then refused because of its content."""
    with serving(MAX_BODY_BYTES="11") as server:
        for body, status in ((b'{"name": 5}', 422), (b'{"name": 55}', 413)):
            whole = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            assert server.send(POST + whole).status == status
            assert server.send(chunked(body, 8)).status == status


def test_a_request_that_stops_on_its_way_holds_a_thread_for_read_timeout() -> None:
    with serving(READ_TIMEOUT="1") as server:
        response = server.send(POST + b"Content-Length: 16\r\n\r\n{")
        assert response.status == 400
        assert response.headers["Content-Type"] == "application/problem+json"
        with server.connections(8, b"GET /health HTTP/1.1\r\nHo"):
            assert server.get("/health").status == 200


def test_a_client_that_pauses_is_logged_in_one_line_without_a_traceback() -> None:
    """The first client stops sending, the second one reads nothing."""
    with serving("broken", READ_TIMEOUT="1") as server:
        endless = b"GET /stream/endless HTTP/1.1\r\nHost: test\r\n\r\n"
        with server.connections(1, b"GET /he"), server.connections(1, endless):
            time.sleep(5)
        log = server.stop()
    assert str(log).count("A client paused for longer than READ_TIMEOUT") == 2
    assert not [line for line in log if "ERROR" in str(line) or "stack_trace" in line]


def test_a_failure_is_a_problem_and_is_logged_and_ends_no_worker() -> None:
    with serving("broken") as server:
        for number, path in enumerate(FAILING):
            response = server.get(path, f"X-Request-ID: {number}")
            assert (path, response.status) == (path, 500)
            assert response.headers.get_all("Content-Type") == ["application/problem+json"]
            assert response.headers.get_all("X-Request-ID") == [str(number)]
            assert len(response.headers.get_all("Content-Length", [])) == 1
        log = server.stop()
    logged = [line["request_id"] for line in log if "stack_trace" in line]
    assert sorted(set(logged), key=int) == [str(number) for number in range(len(FAILING))]
    assert len(logged) == len(FAILING) + 1  # also the error of the view whose handler fails
    assert sum(line["message"].startswith("Booting worker") for line in log) == 1


def test_a_response_that_fails_halfway_is_incomplete_and_logged_as_aborted() -> None:
    with serving("broken") as server:
        for path in HALFWAY:
            with pytest.raises(IncompleteRead):
                server.get(path, "X-Request-ID: abc")
        log = server.stop()
    assert [line["request_id"] for line in log if "stack_trace" in line] == ["abc"] * len(HALFWAY)
    lines = access(log)
    for path in HALFWAY:
        assert (
            lines[path].items()
            >= {
                "status": 200,
                "aborted": "server",
                "request_id": "abc",
            }.items()
        )
        assert lines[path]["message"].startswith(f"GET {path} 200 aborted ")


def test_a_response_that_the_client_aborts_is_logged_as_aborted_by_the_client() -> None:
    with serving("broken") as server:
        with server.connect() as connection:
            connection.sendall(b"GET /stream/endless HTTP/1.1\r\nHost: test\r\n\r\n")
            connection.recv(1000)
        log = server.stop()
    assert access(log)["/stream/endless"]["aborted"] == "client"
    assert not [line for line in log if "stack_trace" in line]


def test_a_worker_that_gunicorn_aborts_ends_and_is_replaced() -> None:
    """gunicorn raises SystemExit in the worker's main thread."""
    with serving() as server:
        os.kill(server.worker(), signal.SIGABRT)
        server.worker()
        assert server.get("/health").status == 200


def test_sigterm_lets_a_request_in_flight_finish() -> None:
    body = b'{"name": 5}'
    head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving() as server:
        with server.connect() as connection:
            connection.sendall(head)
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # the view waits for the body
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(body)
            assert read(connection).status == 422
        answered = time.monotonic()
        assert server.process.wait(timeout=15) == 0
        assert time.monotonic() - answered < 3


def test_sigterm_lets_queued_connections_finish() -> None:
    """The server has not accepted them yet."""
    with serving() as server:
        worker = server.worker()
        os.kill(worker, signal.SIGSTOP)
        with server.connections(20, b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n") as clients:
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            os.kill(worker, signal.SIGCONT)
            assert [read(client).status for client in clients] == [200] * 20
        assert server.process.wait(timeout=15) == 0


def test_sighup_is_ignored_with_a_hint_and_delays_no_stop() -> None:
    with serving() as server:
        worker = server.worker()
        for _ in range(20):
            for process in (server.process.pid, worker):  # as when a terminal closes
                os.kill(process, signal.SIGHUP)
            assert server.get("/health").status == 200
        began = time.monotonic()
        log = server.stop()
        assert time.monotonic() - began < 5
    assert "restart the server" in str(log)
    assert not [line for line in log if line["message"].startswith("Booting worker")]


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"],
    ids=["sends nothing", "does not close its end"],
)
def test_a_client_that_holds_its_connection_holds_no_thread(server: Server, sent: bytes) -> None:
    with server.connections(20, sent):
        began = time.monotonic()
        assert [server.get("/health").status for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 1.5


def test_a_connection_goes_to_a_worker_with_a_free_thread() -> None:
    with (
        serving(WORKERS="2", THREADS="2") as server,
        server.connections(3, POST + b"Content-Length: 9\r\n\r\n"),  # each holds a thread
    ):
        time.sleep(0.5)
        began = time.monotonic()
        assert [server.get("/health").status for _ in range(20)] == [200] * 20
        assert time.monotonic() - began < Settings().read_timeout - 1


@pytest.mark.parametrize(
    ("quota", "workers"),
    [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("9900000 100000", None)],
)
def test_there_is_a_worker_for_each_cpu_that_may_be_used(
    tmp_path: Path, quota: str, workers: int | None
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert cpus(tmp_path / "cpu.max") == (workers or cpus(tmp_path / "no such file"))


def test_a_bad_setting_stops_the_start_with_one_line() -> None:
    with start(THREADS="many") as process:
        output, _ = process.communicate(timeout=10)
    assert process.returncode != 0
    assert output == "THREADS='many': use a whole number, at least 1, at most 1000.\n"
