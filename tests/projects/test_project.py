"""The rendered projects: installed, checked, changed and run, as an owner would do it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bake, serving
from tests.support.datastores import PostgreSQL
from tests.support.edits import (
    add_after,
    add_the_parcels,
    append,
    blocks,
    replace,
)
from tests.support.installed import install
from tests.support.machine import OWN_TESTS, environment, fetch, free_port, run
from tests.support.marks import every_project, parametrize
from tests.support.pythons import PYTHONS
from tools.covering import covering, few
from tools.variants import AXES, Answers, allowed

# Each datastore, and one of them with tokens.
containers: list[Answers] = [
    {"datastore": datastore, "auth": auth, "deploy": "container"}
    for datastore, auth in [*((each, "none") for each in AXES["datastore"]), ("sql", "jwt")]
]
NEWEST = next(iter(PYTHONS))


def test_the_default_project_passes_its_own_lint_and_the_tests_of_its_owner(workshop: Bake) -> None:
    lint_and_test(workshop(), **OWN_TESTS)


@parametrize(few()[1:], few()[1:])
def test_a_project_passes_its_own_lint_and_tests(workshop: Bake, answers: Answers) -> None:
    """Without TEST_DATABASE_URL, the tests that need PostgreSQL are skipped."""
    output = lint_and_test(workshop(**answers), PYTEST_ADDOPTS="-rs")
    skipped = re.findall(r"^SKIPPED \[\d+\] \S+: (.*)", output, re.MULTILINE)
    reasons = {"TEST_DATABASE_URL is not set"} if answers["datastore"] == "sql" else set()
    assert set(skipped) == reasons


@parametrize([], covering())
def test_a_project_of_every_row_passes_its_own_lint_and_tests(
    workshop: Bake, answers: Answers, postgresql: PostgreSQL
) -> None:
    """Use the container's Python if it is installed, or else the newest one that is allowed."""
    version, *_ = [
        *(version for version in [answers["python_version"]] if version in PYTHONS),
        *(version for version in PYTHONS if allowed(answers | {"python_version": version})),
    ]
    python = f"PYTHON={PYTHONS[str(version)]}"
    server = postgresql.url("postgres")
    output = lint_and_test(workshop(**answers), python, TEST_DATABASE_URL=server)
    assert "skipped" not in output


def lint_and_test(project: Path, *options: str, **own: str) -> str:
    output = run("make", "lint", "test", *options, cwd=project, **own)
    assert re.search(r"\d+ passed", output)
    assert not re.search("failed|xfailed", output)
    return output


@every_project
def test_make_docs_and_make_format_find_nothing_to_do(workshop: Bake, answers: Answers) -> None:
    project = workshop(**answers)
    run("git", "init", "-q", cwd=project)
    run("git", "add", "-A", cwd=project)
    run("make", "format", "docs", cwd=project)
    assert run("git", "diff", cwd=project) == ""
    assert run("git", "ls-files", "--others", "--exclude-standard", cwd=project) == ""


PARCELS = """
import json
from io import BytesIO

from flask.testing import FlaskClient

PARCEL = "/api/v1/parcels/00000000-0000-0000-0000-000000000007"
TOKEN = {"Authorization": "Bearer token-of-ada"}


def test_everything_that_the_page_describes(client: FlaskClient) -> None:
    mine = "/api/v1/me"
    assert client.get(mine).status_code == 401
    assert client.get(mine, headers=TOKEN).json == "ada"
    for status in (201, 200):
        assert client.put(PARCEL, json={"kilos": 25}, headers=TOKEN).status_code == status
    got = client.get(PARCEL)
    assert got.headers["X-Warning"] == "heavy"
    same = client.get(PARCEL, headers={"If-None-Match": got.headers["ETag"]})
    assert same.status_code == 304
    change, kind = json.dumps({"note": "fragile"}), "application/merge-patch+json"
    changed = client.patch(PARCEL, data=change, content_type=kind, headers=TOKEN)
    assert changed.get_json() == got.get_json() | {"note": "fragile"}
    for status in (202, 409):
        assert client.post(f"{PARCEL}/dispatch", headers=TOKEN).status_code == status
    assert client.delete(PARCEL, headers=TOKEN).status_code == 204


def test_the_files_and_the_csv_of_the_page(client: FlaskClient) -> None:
    file = (BytesIO(b"png"), "label.png")
    form = {"data": {"file": file, "copies": "2"}, "headers": TOKEN}
    assert client.post("/api/v1/labels", **form).json == {"bytes": 6}
    csv = f"id,kilos,note\\n{PARCEL[-36:]},3,\\nx,y,z\\n"
    table = "/api/v1/parcels.csv"
    added = client.post(table, data=csv, content_type="text/csv", headers=TOKEN)
    assert added.json == {"added": 1, "refused": 1}
    assert client.get(table, headers=TOKEN).text == f"id,kilos\\n{PARCEL[-36:]},3\\n"
"""


@pytest.mark.thorough
def test_the_page_s_examples_of_describing_an_operation_work(workshop: Bake) -> None:
    project = workshop()
    add_the_parcels(project)
    (project / "tests/test_parcels.py").write_text(PARCELS, encoding="utf-8")
    run("make", "format", "docs", "lint", cwd=project)
    own = ["tests/test_parcels.py", "tests/test_contract.py"]
    run(project / ".venv/bin/pytest", "-q", *own, cwd=project)
    document = yaml.safe_load((project / "docs/swagger.yaml").read_text(encoding="utf-8"))
    paths = document["paths"]
    assert paths["/api/v1/me"]["get"]["security"] == [{"bearer": []}]
    parcel = paths["/api/v1/parcels/{parcel_id}"]
    assert {"200", "201"} <= set(parcel["put"]["responses"])
    assert "light" in parcel["put"]["requestBody"]["content"]["application/json"]["examples"]
    assert parcel["delete"]["operationId"] == "removeParcel"


SESSION = """
from flask import Flask, session
from flask.testing import FlaskClient


def test_the_session_remembers(app: Flask) -> None:
    @app.get("/count")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    client = app.test_client()
    assert [client.get("/count").text for _ in range(3)] == ["1", "2", "3"]
"""


RAISE = """    if body.name == "Eve":
        raise OutOfStock("Only 3 are left.", available=3)
"""
STOCK = """
from flask.testing import FlaskClient


def test_an_item_that_is_out_of_stock_is_a_conflict(client: FlaskClient) -> None:
    response = client.post("/api/v1/greetings", json={"name": "Eve"})
    assert (response.status_code, response.get_json(force=True)["available"]) == (409, 3)
"""


@parametrize([], [each for each in containers if each["datastore"] != "firestore"])
def test_the_pages_steps_for_settings_jobs_and_renaming_work(
    workshop: Bake, answers: Answers, capfd: pytest.CaptureFixture[str]
) -> None:
    project = workshop(**answers)
    machinery = contents(project, "chassis", "tests/chassis")
    factory = project / "api/__init__.py"

    field, use, tests, example, row, commands = blocks(project, "docs/settings.md", "Add a setting")
    replace(project / "api/settings.py", '    """\n\n\n', f'    """\n\n{field}\n\n')
    add_after(factory, r"    \)", use)
    imported, value = tests.split("\n\n")
    add_after(project / "tests/conftest.py", "import pytest", imported)
    replace(project / "tests/conftest.py", "SETTINGS: dict[str, Any] = {}\n", value)
    (project / "tests/test_session.py").write_text(SESSION, encoding="utf-8")
    append(project / ".env.example", "\n" + example)
    add_after(project / "docs/settings.md", r"\| `PORT` .*", row.rstrip())
    run("sh", "-ec", commands, cwd=project, **OWN_TESTS)

    if answers["datastore"] == "none":
        *_, error = blocks(project, "docs/architecture.md", "Where to change what")
        (project / "api/errors.py").write_text(error, encoding="utf-8")
        greetings = project / "api/greetings.py"
        replace(greetings, "status=201", "status=201, errors=[OutOfStock]")
        replace(greetings, "    return Greeting", RAISE + "    return Greeting")
        replace(greetings, "\ngreetings =", "\nfrom .errors import OutOfStock\n\ngreetings =")
        (project / "tests/test_stock.py").write_text(STOCK, encoding="utf-8")
        run("make", "format", "docs", "lint", "test", cwd=project, **OWN_TESTS)
        document = yaml.safe_load((project / "docs/swagger.yaml").read_text(encoding="utf-8"))
        assert "409" in document["paths"]["/api/v1/greetings"]["post"]["responses"]

    command, schedule, module, start = blocks(project, "docs/jobs.md")
    add_after(factory, r"    app.secret_key = .*", "\n" + command)
    assert "sent the reminders" in run("sh", "-ec", schedule, cwd=project)
    (project / "api/rates.py").write_text(module, encoding="utf-8")
    replace(
        project / "gunicorn.conf.py", "from wsgi import app\n", "from wsgi import app\n" + start
    )
    capfd.readouterr()
    with serving(project, WORKERS="2"):
        time.sleep(2)  # the workers start one after the other
    assert capfd.readouterr().out.count("refreshed the rates") == 2

    (rename,) = blocks(project, "docs/architecture.md", "Rename `api`")
    # The tests of the machinery pass after `api` is renamed; one datastore is enough.
    run("sh", "-ec", rename, cwd=project, **({} if answers["datastore"] == "none" else OWN_TESTS))
    assert not (project / "api").exists()
    assert contents(project, "chassis", "tests/chassis") == machinery
    (project / ".env").unlink()
    with pytest.raises(AssertionError, match="\nSECRET_KEY is not set: use a string.\n"):
        run("bin/run.sh", cwd=project)


def contents(project: Path, *folders: str) -> dict[str, str]:
    paths = [path for folder in folders for path in (project / folder).rglob("*.*")]
    return {str(path): path.read_text("utf-8") for path in paths if path.suffix != ".pyc"}


@parametrize([])
def test_the_locked_requirements_satisfy_the_chosen_ones(workshop: Bake, answers: Answers) -> None:
    project = workshop(**answers)
    locked = {path: path.read_text() for path in (project / "requirements").glob("*.txt")}
    run("make", "lock", "UPGRADE=", cwd=project)
    for path, text in locked.items():
        assert path.read_text() == text, f"run `make lock`: {path.name} does not match its .in file"


@parametrize([], containers)
def test_the_load_test_finds_no_failure(
    workshop: Bake, answers: Answers, request: pytest.FixtureRequest
) -> None:
    project = workshop(**answers)
    settings = {}
    if answers["datastore"] == "firestore":
        settings["FIRESTORE_EMULATOR_HOST"] = request.getfixturevalue("emulator").address
    with serving(project, **settings) as server:
        host = f"HOST={server.address}"
        users = ["USERS=2", "RUN_TIME=3s"]
        own = server.issuer | {"http_proxy": "http://127.0.0.1:1"}  # not used for this machine
        output = run("make", "load-test", host, *users, cwd=project, **own)
    requests, failures = re.findall(r"Aggregated +(\d+) +(\d+)\(", output)[-1]
    assert int(requests) > 0
    assert int(failures) == 0


@pytest.mark.thorough
def test_the_machinery_passes_its_tests_without_the_application(workshop: Bake) -> None:
    project = workshop()
    install(project)
    for path in ("api", "wsgi.py", "tests/conftest.py"):
        shutil.rmtree(project / path) if path == "api" else (project / path).unlink()
    # One test that starts the server is enough, because each starts it in the same way.
    own = ["-q", "tests/chassis", "-k", "not test_server or the_log_is_json"]
    assert "passed" in run(project / ".venv/bin/pytest", *own, cwd=project)


@pytest.mark.thorough
def test_without_uv_make_develop_installs_with_pip(workshop: Bake, tmp_path: Path) -> None:
    project = workshop()
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("cat", "cp", "rm", "sh"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    command = [shutil.which("make") or "make", "develop", f"PYTHON={PYTHONS[NEWEST]}"]
    shown = run(*command, cwd=project, PATH=str(tools))
    assert "with pip; uv would do it in seconds" in shown
    assert "Collecting flask" in shown, "make develop shows no progress"
    assert "Flask" in run(project / ".venv/bin/flask", "--version", cwd=project)

    (project / "requirements/develop.txt").touch()
    shown = run(*command, cwd=project, PATH=str(tools))
    assert "Requirement already satisfied: flask" in shown, "flask was installed again"
    assert "Collecting" not in shown


@pytest.mark.thorough
def test_a_project_that_was_moved_or_copied_installs_itself_again(
    workshop: Bake, tmp_path: Path
) -> None:
    project = workshop()
    run("make", "develop", cwd=project)
    assert "Installing" not in run("make", "develop", cwd=project)
    for there in (
        shutil.copytree(project, tmp_path / "copied", symlinks=True),
        project.rename(tmp_path / "moved"),
    ):
        assert "Installing requirements/develop.txt into .venv …" in run(
            "make", "develop", cwd=there
        )
        assert "Flask" in run(there / ".venv/bin/flask", "--version", cwd=there)
        assert "Installing" not in run("make", "develop", cwd=there)


@pytest.mark.thorough
def test_the_load_test_s_environment_is_moved_too(workshop: Bake, tmp_path: Path) -> None:
    project = workshop()
    run("make", ".venv/load/load.txt", cwd=project)
    there = project.rename(tmp_path / "in here")
    run("make", ".venv/load/load.txt", cwd=there)
    assert "locust" in run(there / ".venv/load/bin/locust", "--version", cwd=there)
    assert "Installing" not in run("make", ".venv/load/load.txt", cwd=there)


def test_an_installation_that_was_interrupted_begins_again(workshop: Bake) -> None:
    project = workshop()
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").touch()
    assert "Installing" in run("make", "develop", cwd=project)
    assert "Flask" in run(project / ".venv/bin/flask", "--version", cwd=project)


def test_an_environment_whose_python_is_gone_is_created_again(workshop: Bake) -> None:
    project = workshop()
    run("make", "develop", cwd=project)
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/nowhere/python3")
    assert "Installing" in run("make", "develop", cwd=project)
    assert "Flask" in run(project / ".venv/bin/flask", "--version", cwd=project)


@pytest.mark.thorough
def test_an_environment_that_uv_made_is_kept_up_to_date_without_uv(workshop: Bake) -> None:
    """uv creates environments without pip."""
    project = workshop()
    run("make", "develop", cwd=project)
    assert not (project / ".venv/bin/pip").exists()
    os.utime(project / ".venv/develop.txt", (0, 0))
    alone = {"PATH": f"{os.defpath}:/usr/sbin"}
    assert "with pip" in run("make", "develop", f"PYTHON={sys.executable}", cwd=project, **alone)
    assert "Flask" in run(project / ".venv/bin/flask", "--version", cwd=project)


@pytest.mark.thorough
def test_a_changed_requirement_is_installed_and_the_others_stay(workshop: Bake) -> None:
    project = workshop()
    run("make", "develop", cwd=project)
    mark = next((project / ".venv").glob("lib/*/site-packages/flask")) / "mark"
    mark.touch()
    replace(project / "requirements/develop.in", "pytest\n", "pytest\npytest-timeout\n")
    run("make", "lock", "UPGRADE=", cwd=project)
    run("make", "develop", cwd=project)
    assert next((project / ".venv").glob("lib/*/site-packages/pytest_timeout.py"))
    assert mark.exists()


REFUSAL = (
    "This project is a service, not a package, so it cannot be built or installed. To install its requirements "
    "into .venv, run: make develop To install the server's requirements elsewhere, run: python -m pip install "
    "--require-hashes -r requirements/common.txt"
)


@pytest.mark.parametrize(
    "command",
    [
        "python -m pip install --target there .",
        "python -m pip install --target there --no-build-isolation .",
        "python -m pip install --editable . --target there",
        "python -m pip wheel .",
        "uv pip install --python .venv .",
        "uv pip install --python .venv --editable .",
        "uv build",
        "uv sync",
        "uv run python --version",
    ],
)
def test_a_command_that_installs_the_project_fails_and_names_the_right_command(
    workshop: Bake, command: str
) -> None:
    """The message needs no network. The packages that were installed before stay."""
    project = workshop()
    run("uv", "venv", "--quiet", cwd=project)
    mine = next((project / ".venv").glob("lib/*/site-packages")) / "mine.py"
    mine.touch()
    offline = {"UV_OFFLINE": "1", "PIP_NO_INDEX": "1"}
    with pytest.raises(AssertionError) as refused:
        run(*command.split(), cwd=project, **offline)
    assert REFUSAL in " ".join(str(refused.value).split())
    assert (mine.exists(), (project / "there").exists()) == (True, False)


def test_with_an_older_python_make_names_the_needed_version(workshop: Bake, tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 10); $2"\n')
    old.chmod(0o755)
    with pytest.raises(AssertionError, match=r"Python 3.11 or newer is needed.*PYTHON=python3.13"):
        run("make", "develop", f"PYTHON={old}", cwd=workshop())


def test_the_environment_overrides_env_and_env_overrides_the_defaults(workshop: Bake) -> None:
    project = workshop()
    install(project)
    (project / ".env").write_text("LOG_LEVEL=loud\nPORT=none\n")
    for own, refused in (({}, ["LOG_LEVEL='loud'", "PORT='none'"]), ({"PORT": "x"}, ["PORT='x'"])):
        with pytest.raises(AssertionError) as failed:
            run("bin/run.sh", cwd=project, PATH=f"{project}/.venv/bin:/usr/bin:/bin", **own)
        for each in refused:
            assert f"{each}: use " in str(failed.value)


ENV = """\
# A comment
PLAIN=a
  SPACES=a  'b' "c"
QUOTES="a"
SIGNS=#a $HOME `id` \\n = \\
UID=7
EMPTY=
TWICE=first
KEPT=changed
NAME
TWICE=last\r
LAST=without a line end"""
VALUES = {
    "PLAIN": "a",
    "SPACES": "a  'b' \"c\"",
    "QUOTES": '"a"',
    "SIGNS": "#a $HOME `id` \\n = \\",
    "UID": "7",
    "EMPTY": "",
    "TWICE": "last",
    "LAST": "without a line end",
}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_value_in_env_is_everything_after_the_equals_sign(workshop: Bake, shell: str) -> None:
    project = workshop()
    (project / ".env").write_text(ENV, newline="")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    shown = run(shell, "bin/run.sh", sys.executable, "-c", code, cwd=project, KEPT="kept")
    assert json.loads(shown).items() >= (VALUES | {"KEPT": "kept"}).items()
    assert "NAME" not in json.loads(shown)


@pytest.mark.parametrize(
    "line", ["export A=b", "=b", "1A=b", "A B", "A.B=c", "A-B=c", "{{ a }}", "MII+/ofthesecret=="]
)
def test_an_invalid_line_of_env_is_refused(workshop: Bake, line: str) -> None:
    project = workshop()
    (project / ".env").write_text(f"A=secret\n{line}\n")
    with pytest.raises(AssertionError) as refused:
        run("bin/run.sh", "true", cwd=project)
    begin = line.partition("=")[0][:8]
    message = f".env: '{begin}…' does not begin with a name: write NAME=value"
    assert message in str(refused.value)
    assert "secret" not in str(refused.value)


def test_make_dev_reads_its_port_from_env_and_its_level_from_the_command(
    workshop: Bake, capfd: pytest.CaptureFixture[str]
) -> None:
    project, port = workshop(), free_port()
    (project / ".env").write_text(f"PORT={port}\nLOG_LEVEL=error\n", encoding="utf-8")
    code = "    current_app.logger.debug('a detail')\n    return Greeting("
    replace(project / "api/greetings.py", "    return Greeting(", code)
    replace(project / "api/greetings.py", "import Blueprint", "import Blueprint, current_app")
    install(project)
    command = ["make", "dev", "LOG_LEVEL=debug"]
    with subprocess.Popen(
        command, cwd=project, env=environment(), start_new_session=True
    ) as development:
        try:
            address = f"http://127.0.0.1:{port}"
            fetch(f"{address}/health")
            body = urllib.request.Request(
                f"{address}/api/v1/greetings",
                data=b'{"name": "Ada"}',
                headers={"Content-Type": "application/json"},
            )
            assert urllib.request.urlopen(body).status == 201
        finally:
            os.killpg(development.pid, signal.SIGTERM)
    lines = [
        json.loads(line) for line in capfd.readouterr().out.splitlines() if line.startswith("{")
    ]
    assert [line["level"] for line in lines if line["message"] == "a detail"] == ["DEBUG"]
