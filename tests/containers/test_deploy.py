"""Debian's nginx on loopback in front of the server, with the configuration in docs/deploy.md."""

import gzip
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Bake, Server, serving
from tests.support.datastores import children
from tests.support.edits import append
from tests.support.installed import install
from tests.support.machine import free_port, missing, run

# nginx must not run as root. Debian's package creates this user for it.
USER = None if os.geteuid() else "www-data"
# The clients' address; nginx connects from 127.0.0.1.
CLIENT = "127.0.0.7"
NAME = "api.example.com"
SLOW = 6  # clients of a server with two threads

# Appended to wsgi.py.
VIEWS = """
from flask import Response, request

@app.get("/client")
def client() -> str:
    return f"{request.scheme} {request.remote_addr}{request.root_path}"

@app.get("/large")
def large() -> Response:
    return Response(b"x" * 16_000_000)
"""

# The nginx.conf that includes the document's lines, in place of Debian's.
AROUND = """
daemon off;
pid nginx.pid;
events {}
http {
    access_log off;
    gzip on;
    gzip_types application/json;
    client_body_temp_path body;
    fastcgi_temp_path fastcgi;
    proxy_temp_path proxy;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    include api.conf;
}
"""


def connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(2)
    # Otherwise no server could bind the port of a connection that closed in the last minute.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.bind((CLIENT, 0))
    connection.connect(("127.0.0.1", port))
    return connection


class Proxy(NamedTuple):
    """A running nginx: its port, its process, and the file with the document's lines."""

    port: int
    process: subprocess.Popen[bytes]
    lines: Path
    tls: ssl.SSLContext

    def connect(self) -> socket.socket:
        return self.tls.wrap_socket(connect(self.port), server_hostname=NAME)


class Direct(NamedTuple):
    """The server without a proxy."""

    port: int

    def connect(self) -> socket.socket:
        return connect(self.port)


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    text: str


def ask(
    to: Proxy | Direct, path: str, *headers: tuple[str, str], body: bytes = b"", method: str = ""
) -> Answer:
    client = HTTPConnection(NAME)
    with to.connect() as client.sock:
        verb = method or ("POST" if body else "GET")
        client.putrequest(verb, path, skip_accept_encoding=True)
        for name, text in headers:
            client.putheader(name, text)
        if body:
            client.putheader("Content-Type", "application/json")
            client.putheader("Content-Length", str(len(body)))
        client.endheaders(body)
        response = client.getresponse()
        read = response.read()
        if response.headers["Content-Encoding"] == "gzip":
            read = gzip.decompress(read)
        return Answer(response.status, response.headers, str(read, "utf-8"))


@pytest.fixture(scope="module")
def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    return found or missing("nginx (Debian's package)")


@pytest.fixture(scope="module")
def project(nginx: str, bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = shutil.copytree(bake(), tmp_path_factory.mktemp("deploy") / "project")
    append(project / "wsgi.py", VIEWS)
    return project


def lines_of(project: Path) -> tuple[str, str]:
    """Return the document's lines for nginx, and those that replace some of them under a prefix."""
    document = (project / "docs/deploy.md").read_text(encoding="utf-8")
    lines, prefix = re.findall(r"^```nginx\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    return lines, prefix


def replace_lines(lines: str, new: str) -> str:
    """Replace lines: each new line replaces the first line with the same directive."""
    for line in new.splitlines():
        (sets,) = re.findall(r"\s*(?:location|proxy_pass|proxy_set_header [\w-]+) ", line)
        lines, count = re.subn(rf"^{sets}.*$", line, lines, count=1, flags=re.MULTILINE)
        assert count == 1, line
    return lines


@contextmanager
def proxied(nginx: str, project: Path, server: Server, changed: str = "") -> Iterator[Proxy]:
    """Run nginx with the document's lines, except for the addresses and the certificate."""
    lines = replace_lines(lines_of(project)[0], changed)
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder, own = Path(name), free_port()
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        for written, here in {
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{server.port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{own} ssl;",
            f"/etc/letsencrypt/live/{NAME}/fullchain.pem;": f"{certificate};",
            f"/etc/letsencrypt/live/{NAME}/privkey.pem;": f"{key};",
        }.items():
            assert lines.count(written) == 1, written
            lines = lines.replace(written, here)
        (folder / "api.conf").write_text(lines, encoding="utf-8")
        (folder / "nginx.conf").write_text(AROUND, encoding="utf-8")
        names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
        files = ["-nodes", "-keyout", key, "-out", certificate]
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", *names, *files, cwd=folder)
        if USER:
            for path in (folder, key):
                os.chown(path, pwd.getpwnam(USER).pw_uid, -1)
        tls = ssl.create_default_context(cafile=certificate)
        command = [nginx, "-p", folder, "-c", "nginx.conf", "-e", "stderr"]
        with subprocess.Popen(command, user=USER, cwd=folder) as process:
            try:
                proxy = Proxy(own, process, folder / "api.conf", tls)
                for _ in range(100):
                    with suppress(OSError), proxy.connect():
                        break
                    time.sleep(0.05)
                else:
                    pytest.fail("nginx does not respond")
                yield proxy
            finally:
                process.terminate()


Behind = Callable[..., Proxy]


@pytest.fixture
def behind(nginx: str, project: Path) -> Iterator[Behind]:
    """Yield a function that starts the server with settings, and nginx in front of it."""
    with ExitStack() as started:

        def behind(changed: str = "", **settings: str) -> Proxy:
            server = started.enter_context(serving(project, **settings))
            return started.enter_context(proxied(nginx, project, server, changed))

        yield behind


FORGED = [
    [],
    [("X-Forwarded-For", "6.6.6.6")],
    [("X-Forwarded-For", "6.6.6.6, 7.7.7.7,"), ("X-Forwarded-For", "8.8.8.8")],
    [("X-Forwarded-For", "")],
    [("X-Forwarded-Proto", "http")],
    [("X-Forwarded-Proto", "ftp, http,"), ("X-Forwarded-Proto", "http")],
    [("X-Forwarded-Ssl", "on")],
    [("X-Forwarded-Prefix", "/evil"), ("X_Forwarded_Prefix", "/evil")],
    [("X_Forwarded_For", "6.6.6.6"), ("X_Forwarded_Proto", "http")],
    [("Forwarded", "for=6.6.6.6;proto=http"), ("X-Real-IP", "6.6.6.6")],
    [("Connection", "X-Forwarded-For, X-Forwarded-Proto")],
]


def test_the_client_s_address_and_scheme_arrive_and_forged_headers_do_not(behind: Behind) -> None:
    proxy = behind(TRUSTED_PROXIES="1")
    for headers in FORGED:
        assert ask(proxy, "/client", *headers).text == f"https {CLIENT}", headers


def test_forged_headers_do_not_arrive_even_if_too_many_proxies_are_trusted(
    behind: Behind,
) -> None:
    proxy = behind(TRUSTED_PROXIES="3")
    for headers in FORGED:
        assert ask(proxy, "/client", *headers).text == "http 127.0.0.1", headers


def test_without_trusted_proxies_forwarded_headers_are_ignored(behind: Behind) -> None:
    proxy = behind(TRUSTED_PROXIES="0")
    for headers in FORGED:
        assert ask(proxy, "/client", *headers).text == "http 127.0.0.1", headers


# The lines in docs/deploy.md for another proxy in front of nginx.
APPENDED = r"""
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto "$http_x_forwarded_proto, $scheme";
        proxy_set_header X-Forwarded-Prefix "$http_x_forwarded_prefix, /";
"""


@pytest.mark.thorough
def test_headers_of_a_proxy_in_front_of_nginx_arrive_and_forged_headers_do_not(
    behind: Behind, project: Path
) -> None:
    document = (project / "docs/deploy.md").read_text(encoding="utf-8")
    for line in APPENDED.strip().splitlines():
        assert f"`{line.strip().removeprefix('proxy_set_header ').removesuffix(';')}`" in document
    proxy = behind(APPENDED.strip("\n"), TRUSTED_PROXIES="2")
    said = {"For": "5.5.5.5", "Proto": "http", "Prefix": "/outer"}
    headers = [(f"X-Forwarded-{name}", text) for name, text in said.items()]
    assert ask(proxy, "/client", *headers).text == "http 5.5.5.5/outer"
    forged = [(name, f"6.6.6.6, {text}") for name, text in headers]
    assert ask(proxy, "/client", *forged).text == "http 5.5.5.5/outer"
    assert ask(proxy, "/client", *headers[:2]).text == "http 5.5.5.5"


@pytest.mark.thorough
def test_links_have_the_configured_prefix_and_not_a_forged_one(
    behind: Behind, project: Path
) -> None:
    proxy = behind(lines_of(project)[1], TRUSTED_PROXIES="1")
    for headers in FORGED:
        assert ask(proxy, "/shop/client", *headers).text == f"https {CLIENT}/shop", headers
        assert json.loads(ask(proxy, "/shop/", *headers).text)["docs"] == "/shop/docs"
        document = json.loads(ask(proxy, "/shop/openapi.json", *headers).text)
        assert document["servers"] == [{"url": "/shop"}]
    assert ask(proxy, "/client").status == 404


@pytest.mark.thorough
def test_under_a_prefix_an_operation_is_executed_from_the_page(
    behind: Behind, project: Path, browser: Browser
) -> None:
    proxy = behind(lines_of(project)[1], TRUSTED_PROXIES="1")
    page = browser.new_page(ignore_https_errors=True)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"https://{NAME}:{proxy.port}/shop/docs")
    operation = page.locator("#operations-greetings-greetings_create_greeting")
    operation.locator("button.opblock-summary-control").click()
    operation.locator("textarea").fill('{"name": "Ada"}')
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("Hello, Ada!")
    under = (f"https://{NAME}:{proxy.port}/shop/", "data:")
    assert f"{under[0]}api/v1/greetings" in asked
    assert [url for url in asked if not url.startswith(under)] == []
    assert complaints == []


@pytest.mark.thorough
def test_an_etag_that_nginx_made_weak_matches_and_a_location_has_the_prefix(
    nginx: str, workshop: Bake, tmp_path: Path
) -> None:
    project = workshop(datastore="sql")
    settings = {"TRUSTED_PROXIES": "1", "DATABASE_URL": f"sqlite:///{tmp_path}/app.db"}
    install(project)
    run("bin/run.sh", "alembic", "upgrade", "head", cwd=project, **settings)
    with (
        serving(project, **settings) as server,
        proxied(nginx, project, server, lines_of(project)[1]) as proxy,
    ):
        created = ask(proxy, "/shop/api/v1/items", body=b'{"name": "Ada"}')
        path = created.headers["Location"]
        assert re.fullmatch("/shop/api/v1/items/[0-9a-f-]{36}", path)
        compress = ("Accept-Encoding", "gzip")
        read = ask(proxy, path, compress)
        tag = read.headers["ETag"]
        assert (read.headers["Content-Encoding"], tag) == ("gzip", f"W/{created.headers['ETag']}")
        assert ask(proxy, path, compress, ("If-None-Match", tag)).status == 304
        change = {"method": "PUT", "body": b'{"name": "Bob"}'}
        changed = ask(proxy, path, ("If-Match", tag), **change)
        assert changed.status == 200
        assert ask(proxy, path, ("If-Match", tag), **change).status == 412
        assert (
            ask(proxy, path, ("If-Match", f"W/{changed.headers['ETag']}"), method="DELETE").status
            == 204
        )


POST = b"POST /api/v1/greetings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
# The first bytes of each slow client. It sends the rest one byte at a time.
BEGINNINGS = {
    "uploads": POST + b"Content-Length: 1000\r\n\r\n{",
    "chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n100\r\n{",
    "headers": b"GET /health HTTP/1.1\r\nHost: a\r\nX-Name: ",
    "downloads": b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
}


def slowest_beside(slow: str, to: Proxy | Direct) -> float:
    """Return the slowest response of /health while slow clients are connected, in seconds."""
    slowest = 0.0
    with ExitStack() as connections:
        clients = [connections.enter_context(to.connect()) for _ in range(SLOW)]
        for client in clients:
            client.sendall(BEGINNINGS[slow])
        for _ in range(10):
            for client in clients if slow != "downloads" else []:
                client.sendall(b" ")
            time.sleep(0.1)
            began = time.monotonic()
            assert ask(to, "/health").status == 200
            slowest = max(slowest, time.monotonic() - began)
    return slowest


@pytest.mark.thorough
@pytest.mark.parametrize("slow", BEGINNINGS)
def test_slow_clients_hold_no_thread(behind: Behind, slow: str) -> None:
    assert slowest_beside(slow, behind(TRUSTED_PROXIES="1", WORKERS="1", THREADS="2")) < 1


@pytest.mark.thorough
@pytest.mark.parametrize("slow", BEGINNINGS)
def test_without_nginx_slow_clients_hold_all_threads(project: Path, slow: str) -> None:
    with serving(project, WORKERS="1", THREADS="2") as server, pytest.raises(TimeoutError):
        slowest_beside(slow, Direct(server.port))


def test_nginx_refuses_only_bodies_over_the_limit(behind: Behind) -> None:
    proxy = behind(TRUSTED_PROXIES="1", MAX_JSON_BYTES="1048576")
    largest = b'{"name": 5}'.ljust(1_048_576)
    assert ask(proxy, "/api/v1/greetings", body=largest).status == 422
    refused = ask(proxy, "/api/v1/greetings", body=largest + b" ")
    assert refused.status == 413
    assert json.loads(refused.text)["title"] == "Proxy Error"


def test_nginx_s_own_errors_are_problems(nginx: str, project: Path) -> None:
    with serving(project) as server, proxied(nginx, project, server) as proxy:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()
        for status, path, headers in (
            (502, "/health", []),
            (400, "/health", [("X-Name", "x" * 9_000)]),
            (400, "/health", [("Content-Length", "x")]),
            (414, "/" + "x" * 9_000, []),
        ):
            answer = ask(proxy, path, *headers)
            assert answer.status == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Server"] == "nginx"
            problem = json.loads(answer.text)
            assert problem["status"] == status
            assert problem.keys() == {"type", "title", "status", "detail"}


def test_a_new_version_loses_no_request(nginx: str, project: Path) -> None:
    """Start the new server, reload nginx, wait for its old workers, and stop the old server."""
    answers: list[int | str] = []
    done = threading.Event()

    def go_on_asking() -> None:
        while not done.is_set():
            for body in (b"", b'{"name": "Ada"}'):
                try:
                    path = "/api/v1/greetings" if body else "/health"
                    answers.append(ask(proxy, path, body=body).status)
                except OSError as error:
                    answers.append(repr(error))
                time.sleep(0.01)

    quiet = {"ACCESS_LOG": "off"}
    with (
        serving(project, **quiet) as old,
        serving(project, **quiet) as new,
        proxied(nginx, project, old) as proxy,
    ):
        threads = [threading.Thread(target=go_on_asking) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(0.5)
            lines = proxy.lines.read_text(encoding="utf-8")
            proxy.lines.write_text(lines.replace(f":{old.port};", f":{new.port};"))
            workers = children(proxy.process.pid)
            proxy.process.send_signal(signal.SIGHUP)  # as `nginx -s reload` does
            for _ in range(200):
                if not set(workers) & set(children(proxy.process.pid)):
                    break
                time.sleep(0.05)
            before = len(answers)
            old.process.send_signal(signal.SIGTERM)
            assert old.process.wait(timeout=10) == 0
            time.sleep(0.5)
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert len(answers) > before > 0
    assert set(answers) == {200, 201}
