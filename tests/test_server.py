"""The server of a rendered project, with an application that is made to misbehave."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .conftest import Bake, serving
from .machine import environment, run

# Appended to wsgi.py.
VIEWS = """
from flask import Response, request

@app.get("/scheme")
def scheme() -> str:
    return request.scheme

@app.get("/unsendable")
def unsendable() -> Response:
    return Response("x", headers={"X-Name": "\\u2713"})
"""


@pytest.fixture
def project(workshop: Bake) -> Path:
    project = workshop()
    with (project / "wsgi.py").open("a", encoding="utf-8") as wsgi:
        wsgi.write(VIEWS)
    return project


def test_nobody_is_believed_about_the_scheme_by_default(project: Path) -> None:
    with serving(project) as server:
        forged = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on"}
        request = urllib.request.Request(f"{server.address}/scheme", headers=forged)
        assert urllib.request.urlopen(request).read() == b"http"


def test_a_response_that_cannot_be_sent_is_500_and_is_logged(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(project) as server:
        with pytest.raises(urllib.error.HTTPError) as failed:
            urllib.request.urlopen(f"{server.address}/unsendable")
        failed.value.close()
    assert failed.value.code == 500
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines() if line[0] == "{"]
    assert [line["path"] for line in lines if line.get("status") == 500] == ["/unsendable"]


def test_an_application_that_does_not_import_ends_the_start_at_once(workshop: Bake) -> None:
    project = workshop()
    (project / "wsgi.py").write_text('raise SystemExit("no use")\n')
    run("make", "develop", cwd=project)
    began = time.monotonic()
    done = subprocess.run(
        [project / "bin/run.sh"], env=environment(), capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr == "no use\n"
    assert time.monotonic() - began < 10
