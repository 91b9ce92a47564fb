"""The server as bin/run.sh starts it: a real process, a real socket."""

import json
import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from api.settings import Settings

RUN = Path(__file__).parent.parent / "bin/run.sh"
URL = b"/api/v1/{{ 'greetings' if cookiecutter.datastore == 'none' else 'items' }}"
POST = b"POST " + URL + b" HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
# What a server is started with here, whatever the environment says.
OWN = {
    # % if cookiecutter.datastore == "sql"
    "DATABASE_URL": "postgresql://127.0.0.1:1/nowhere",  # nothing here needs it
    # % endif
    "WORKERS": "1",
}


def start(**environment: str) -> subprocess.Popen[str]:
    # What is set here wins over a .env that may lie about.
    defaults = {name.upper(): str(value) for name, value in structs.asdict(Settings()).items()}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where this Python's gunicorn is
    return subprocess.Popen(
        [RUN],
        env=os.environ | defaults | OWN | {"PATH": path} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.address = process, ("127.0.0.1", port)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=10)

    @contextmanager
    def connections(self, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
        """Give so many connections on which something is sent."""
        with ExitStack() as stack:
            clients = [stack.enter_context(self.connect()) for _ in range(count)]
            for client in clients:
                client.sendall(sent)
            yield clients

    def worker(self) -> int:
        """Give the process id of the worker, as the log tells it."""
        assert self.process.stdout
        return next(
            int(found[1])
            for line in self.process.stdout
            if (found := re.search(r"Booting worker with pid: (\d+)", line))
        )

    def wait(self) -> None:
        """Wait until it answers, half a minute at most."""
        for _ in range(600):
            with suppress(OSError, HTTPException):
                if self.get("/").status == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.process.kill()
        output, _ = self.process.communicate()
        pytest.fail(f"the server does not answer; it wrote:\n{output}")

    def answer(self, request: bytes) -> HTTPResponse:
        with self.connect() as connection:
            connection.sendall(request)
            return read(connection)

    def get(self, path: str, *headers: str) -> HTTPResponse:
        lines = [f"GET {path} HTTP/1.1", "Host: test", *headers, "", ""]
        return self.answer("\r\n".join(lines).encode())

    def stop(self) -> list[dict[str, Any]]:
        """Send SIGTERM; give the log, of which every line has to be JSON."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=15)
        return [json.loads(line) for line in output.splitlines()]


def read(connection: socket.socket) -> HTTPResponse:
    with HTTPResponse(connection) as response:
        response.begin()
        response.read()
    return response


@contextmanager
def serving(**environment: str) -> Iterator[Server]:
    with socket.socket() as held:
        # While this one has the port, the system gives it to nobody; a server with the option, as
        # gunicorn is, takes it all the same.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with start(PORT=str(port), **environment) as process:
            server = Server(process, port)
            try:
                server.wait()
                yield server
            finally:
                process.terminate()


def access(log: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give the access lines by their paths: they may come in another order than the answers."""
    return {line["path"]: line for line in log if line["logger"] == "gunicorn.access"}


def test_the_log_is_json_from_the_first_line_to_the_last() -> None:
    with serving() as server:
        server.get("/health?secret=1", "X-Request-ID: abc")
        server.get('/no"such\\path')
        log = server.stop()
    lines = access(log)
    assert lines['/no"such\\path']["status"] == 404
    line = lines["/health"]
    assert (line["method"], line["status"], line["request_id"]) == ("GET", 200, "abc")
    assert 0 < line["duration_ms"] < 10_000
    assert "secret" not in str(line)
    assert any(line["message"].startswith("Listening at") for line in log)


def test_access_lines_can_be_switched_off() -> None:
    with serving(ACCESS_LOG="off") as server:
        server.get("/health")
        assert access(server.stop()) == {}


def test_the_log_level_holds_for_the_server_too() -> None:
    with serving(LOG_LEVEL="warning") as server:
        server.get("/health")
        assert server.stop() == []


@pytest.mark.parametrize(("proxies", "seen"), [("0", "127.0.0.1"), ("1", "10.0.0.9")])
def test_the_client_s_address_is_as_far_as_proxies_are_trusted(proxies: str, seen: str) -> None:
    with serving(TRUSTED_PROXIES=proxies) as server:
        server.get("/health", "X-Forwarded-For: 6.6.6.6, 10.0.0.9")
        assert access(server.stop())["/health"]["remote_addr"] == seen


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def test_the_server_does_not_tell_its_version(server: Server) -> None:
    assert not re.search(r"\d", server.get("/health").headers["Server"])


def test_a_broken_chunk_is_400_and_a_problem(server: Server) -> None:
    response = server.answer(POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n")
    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"


def test_a_body_in_chunks_is_read(server: Server) -> None:
    chunks = b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"name":\r\n2\r\n5}\r\n0\r\n\r\n'
    assert server.answer(POST + chunks).status == 422  # 5 is no name: it was read to its end


def test_a_body_that_is_cut_off_is_400(server: Server) -> None:
    with server.connect() as connection:
        connection.sendall(POST + b'Content-Length: 16\r\n\r\n{"name": "Ada"}')
        connection.shutdown(socket.SHUT_WR)
        assert read(connection).status == 400


def test_a_body_over_the_limit_is_413_however_it_is_sent() -> None:
    """This one has 11 bytes, and is read far enough to be refused for what is in it."""
    for limit, status in (("11", 422), ("10", 413)):
        with serving(MAX_BODY_BYTES=limit) as server:
            whole = b'Content-Length: 11\r\n\r\n{"name": 5}'
            assert server.answer(POST + whole).status == status
            chunks = b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"name":\r\n3\r\n 5}\r\n0\r\n\r\n'
            assert server.answer(POST + chunks).status == status


def test_a_body_that_stops_on_its_way_is_400() -> None:
    with serving(READ_TIMEOUT="1") as server:
        response = server.answer(POST + b"Content-Length: 16\r\n\r\n{")
    assert response.status == 400
    assert response.headers["Content-Type"] == "application/problem+json"


def test_sigterm_lets_a_request_in_flight_finish() -> None:
    body = b'{"name": 5}'
    head = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with serving() as server:
        with server.connect() as connection:
            connection.sendall(head)
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # a view waits for the body
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            connection.sendall(body)
            assert read(connection).status == 422
        answered = time.monotonic()
        assert server.process.wait(timeout=15) == 0
        assert time.monotonic() - answered < 3


def test_sigterm_lets_everybody_finish_whom_the_system_has_connected() -> None:
    """Each of them is about to send a request, and the server has not even accepted them yet."""
    with serving() as server:
        worker = server.worker()
        os.kill(worker, signal.SIGSTOP)
        with server.connections(20, b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n") as clients:
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            os.kill(worker, signal.SIGCONT)
            assert [read(client).status for client in clients] == [200] * 20
        assert server.process.wait(timeout=15) == 0


def test_a_reload_goes_on_serving() -> None:
    with serving() as server:
        server.worker()
        server.process.send_signal(signal.SIGHUP)
        server.worker()  # another; and the first one ends
        time.sleep(1)
        assert server.get("/health").status == 200


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /health HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"],
    ids=["sends nothing", "does not close its end"],
)
def test_a_client_that_holds_its_connection_keeps_nobody_waiting(
    server: Server, sent: bytes
) -> None:
    with server.connections(20, sent):
        began = time.monotonic()
        assert [server.get("/health").status for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 1.5


def test_who_comes_is_served_by_the_process_that_has_a_free_thread() -> None:
    with (
        serving(WORKERS="2", THREADS="2") as server,
        server.connections(3, POST + b"Content-Length: 9\r\n\r\n"),  # each holds a thread
    ):
        time.sleep(0.5)
        began = time.monotonic()
        assert [server.get("/health").status for _ in range(20)] == [200] * 20
        assert time.monotonic() - began < Settings().read_timeout - 1


def test_headers_that_stop_on_their_way_hold_a_thread_for_read_timeout() -> None:
    with serving(READ_TIMEOUT="1") as server, server.connections(8, b"GET /health HTTP/1.1\r\nHo"):
        assert server.get("/health").status == 200


@pytest.mark.parametrize(
    ("quota", "workers"),
    [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("9900000 100000", None)],
)
def test_there_is_a_worker_for_each_cpu_that_may_be_used(
    tmp_path: Path, quota: str, workers: int | None
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    cpus = runpy.run_path(str(RUN.parent.parent / "gunicorn.conf.py"))["cpus"]
    assert cpus(tmp_path / "cpu.max") == (workers or cpus(tmp_path / "no such file"))


SETTINGS = [name.upper() for name in Settings.__struct_fields__]


def test_a_bad_setting_stops_the_start_with_one_line() -> None:
    with start(THREADS="many") as process:
        output, _ = process.communicate(timeout=10)
    assert process.returncode != 0
    assert output == "THREADS='many': use 1 to 1000.\n"


def test_an_empty_setting_has_its_default() -> None:
    with serving(**dict.fromkeys(set(SETTINGS) - {"PORT", *OWN}, "")) as server:
        assert server.get("/health").status == 200
