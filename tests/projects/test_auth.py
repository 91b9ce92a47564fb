"""A project with auth=jwt, run with the commands of its README, and under load."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Bake, serving
from tests.support.edits import add_after, blocks, replace
from tests.support.installed import install
from tests.support.machine import environment, fetch, free_port, run


@pytest.mark.parametrize(
    "start", ["make start", pytest.param("make dev", marks=pytest.mark.thorough)]
)
def test_the_readme_s_commands_get_a_token_that_the_api_accepts(workshop: Bake, start: str) -> None:
    project = workshop(auth="jwt")
    install(project)
    started, called, *_ = blocks(project, "README.md", "Run it")
    commands = re.findall(r"^(make \w+)", started, re.MULTILINE)
    assert commands == ["make issuer", "make start"]
    port, issuer = free_port(), f"http://localhost:{free_port()}"
    own = environment(PORT=str(port), LOCAL_ISSUER=issuer)
    processes = []
    try:
        for command, page in (
            (commands[0], f"{issuer}/keys"),
            (start, f"http://localhost:{port}/health"),
        ):
            processes.append(
                subprocess.Popen(command.split(), cwd=project, env=own, start_new_session=True)
            )
            fetch(page)
        text = called.replace("8080", str(port))
        assert "Hello, Ada!" in run("sh", "-ec", text, cwd=project, LOCAL_ISSUER=issuer)
        without = re.sub("--header .*", "", text)
        assert "Unauthorized" in run("sh", "-ec", without, cwd=project, LOCAL_ISSUER=issuer)
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def test_smoke_calls_the_api_with_and_without_a_token(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    with serving(project) as server:
        token = run("make", "--silent", "token", cwd=project, **server.issuer).strip()
        assert "GET /no-such-page: 401 " in run("bin/smoke.sh", server.address, cwd=project)
        shown = run("bin/smoke.sh", server.address, cwd=project, TOKEN=token)
        assert "GET /no-such-page: 404 application/problem+json" in shown
        assert token not in shown


def test_without_an_issuer_the_server_does_not_start(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    install(project)
    with pytest.raises(AssertionError) as refused:
        run("bin/run.sh", cwd=project)
    lines = str(refused.value).splitlines()
    for name in ("AUTH_ISSUER", "AUTH_AUDIENCE"):
        assert any(line.startswith(f"{name} is not set: use ") for line in lines)


@pytest.mark.parametrize("end", ["return app", "close_app(app)"])
def test_the_server_does_not_start_without_close_app(workshop: Bake, end: str) -> None:
    project = workshop(auth="jwt")
    install(project)
    replace(project / "api/__init__.py", "return close_app(app)", end)
    own = {"AUTH_ISSUER": "http://localhost:8300", "AUTH_AUDIENCE": "b"}
    with pytest.raises(AssertionError, match="create_app in api/__init__.py does not end with"):
        run("bin/run.sh", cwd=project, **own)


def test_make_token_reports_an_issuer_that_cannot_be_used(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    install(project)
    issuer = f"http://localhost:{free_port()}"
    with pytest.raises(AssertionError, match=f"No issuer at {issuer}: run `make issuer`"):
        run("make", "token", cwd=project, LOCAL_ISSUER=issuer)
    with pytest.raises(AssertionError, match="https://a.example, which is not a local issuer"):
        run("make", "token", cwd=project, AUTH_ISSUER="https://a.example", AUTH_AUDIENCE="b")
    with pytest.raises(AssertionError, match="AUTH_AUDIENCE is not set"):
        run("make", "token", cwd=project, AUTH_ISSUER=issuer)
    for wrong in ("http://localhost:port", "http://localhost:99999", "http://[::1"):
        with pytest.raises(AssertionError) as failed:
            run("make", "token", cwd=project, AUTH_ISSUER=wrong, AUTH_AUDIENCE="b")
        assert f"AUTH_ISSUER is {wrong}, which is not a URL: " in str(failed.value)
        assert "Traceback" not in str(failed.value)


def test_make_issuer_reports_that_the_port_is_in_use(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    install(project)
    with socket.create_server(("127.0.0.1", 0)) as other:
        issuer = f"http://localhost:{other.getsockname()[1]}"
        with pytest.raises(AssertionError) as failed:
            run("make", "issuer", cwd=project, LOCAL_ISSUER=issuer)
    assert f"The issuer cannot start at {issuer}: Address already in use." in str(failed.value)
    assert "Traceback" not in str(failed.value)


def test_the_load_test_stops_if_there_is_no_token(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    replace(project / "Makefile", ".venv/load/bin/locust -f", "echo locust -f")
    replace(project / "Makefile", "load-test: .venv/load/load.txt", "load-test:")
    install(project)
    issuer = f"http://localhost:{free_port()}"
    with pytest.raises(AssertionError, match=f"No issuer at {issuer}") as failed:
        run("make", "load-test", "USERS=1", cwd=project, LOCAL_ISSUER=issuer)
    assert "\nlocust -f" not in str(failed.value)
    assert "\nlocust -f" in run("make", "load-test", "USERS=1", cwd=project, TOKEN="any")


MINE = """
from flask.testing import FlaskClient


def test_the_caller_s_id_comes_from_the_token(client: FlaskClient) -> None:
    assert client.get("/api/v1/me").json == "ada"
"""


@pytest.mark.thorough
def test_the_page_s_examples_of_describing_an_operation_work(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    *module, registration, endpoint = blocks(project, "docs/operations.md")
    (project / "api/parcels.py").write_text("\n\n".join(module), encoding="utf-8")
    factory = project / "api/__init__.py"
    add_after(factory, r"from \.greetings .*", "from .parcels import parcels")
    add_after(factory, r"    app\.register_blueprint\(.*", registration)
    add_after(project / "tests/test_auth.py", r"METHODS = .*", endpoint.rstrip())
    (project / "tests/test_parcels.py").write_text(MINE, encoding="utf-8")
    (view,) = re.findall(r"```python\n(.*?)```", (project / "docs/auth.md").read_text(), re.DOTALL)
    (project / "api/reports.py").write_text(view, encoding="utf-8")
    run("make", "format", "docs", "lint", cwd=project)
    own = ["tests/test_auth.py", "tests/test_contract.py", "tests/test_parcels.py"]
    assert " passed" in run(project / ".venv/bin/pytest", "-q", *own, cwd=project)


COLD = """
from concurrent.futures import ThreadPoolExecutor

from .chassis.issuer import AUDIENCE, Issuer
from .chassis.server import serving


def test_two_cold_workers_serve_every_caller_and_fetch_the_keys_once_each() -> None:
    with Issuer() as issuer:
        issuer.rotate("RS256", "ES256")
        own = {"AUTH_ISSUER": issuer.url, "AUTH_AUDIENCE": AUDIENCE, "WORKERS": "2", "ACCESS_LOG": "off"}
        token = f"Authorization: Bearer {issuer.token()}"
        with serving("cold", **own) as server, ThreadPoolExecutor(16) as callers:
            calls = callers.map(lambda _: server.get("/api/v1/nothing", token).status, range(2000))
            assert {*calls} == {404}
        assert issuer.requested.count("/keys") == 2
"""


@pytest.mark.thorough
def test_two_workers_with_cold_caches_under_load(workshop: Bake) -> None:
    project = workshop(auth="jwt")
    install(project)
    application = "from api import create_app\n\n__all__ = ['create_app']\n"
    (project / "tests/chassis/cold.py").write_text(application, encoding="utf-8")
    (project / "tests/test_cold.py").write_text(COLD, encoding="utf-8")
    assert "1 passed" in run(project / ".venv/bin/pytest", "-q", "tests/test_cold.py", cwd=project)


def test_smoke_sends_two_tokens_to_a_private_service(bake: Bake, tmp_path: Path) -> None:
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\ncat >> "$LOG"\nexit 7\n')
    curl.chmod(0o755)
    project = bake(auth="jwt", deploy="cloud-run")
    for scheme in ("http", "https"):
        subprocess.run(
            ["bin/smoke.sh", f"{scheme}://example.com"],
            cwd=project,
            env=environment(
                PATH=f"{tmp_path}:{os.environ['PATH']}",
                LOG=str(tmp_path / scheme),
                IDENTITY_TOKEN="hunter2",
                TOKEN="hunter3",
            ),
            capture_output=True,
        )
    assert "hunter" not in (tmp_path / "http").read_text()
    assert (tmp_path / "https").read_text().splitlines() == [
        'header = "X-Serverless-Authorization: Bearer hunter2"',
        'header = "Authorization: Bearer hunter3"',
    ]
