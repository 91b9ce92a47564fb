"""Projects whose datastore stops, hangs or is locked, and whose workers are killed."""

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.conftest import Bake, Server, serving
from tests.support.answer import Answer
from tests.support.datastores import (
    BINARIES,
    Emulator,
    PgBouncer,
    PostgreSQL,
    children,
    locked,
    migrated,
)
from tests.support.edits import replace
from tests.support.installed import install
from tests.support.machine import environment, fetch, free_port, run

ITEMS = "/api/v1/items"
DESCRIPTION_IN = '    description: Description = ""\n'
# In seconds. The limit is five; the tests allow one more on a busy machine.
PATIENCE = 6


@pytest.fixture(params=["sql", pytest.param("firestore", marks=pytest.mark.thorough)])
def store(request: pytest.FixtureRequest) -> Iterator[PostgreSQL | Emulator]:
    """Yield a datastore that only this test uses, so that the test can stop it."""
    store = PostgreSQL() if request.param == "sql" else Emulator()
    store.start()
    yield store
    store.remove()


@pytest.fixture
def server(workshop: Bake, store: PostgreSQL | Emulator) -> Iterator[Server]:
    """Yield the server of a project, with two workers and its datastore."""
    if isinstance(store, PostgreSQL):
        project = workshop(datastore="sql")
        settings = {"DATABASE_URL": migrated(project, store)}
    else:
        project = workshop(datastore="firestore")
        settings = {"FIRESTORE_EMULATOR_HOST": store.address}
    with serving(project, WORKERS="2", ACCESS_LOG="off", **settings) as server:
        yield server


def test_the_api_returns_503_while_its_datastore_is_stopped_and_then_recovers(
    server: Server, store: PostgreSQL | Emulator
) -> None:
    assert Answer(server, "/ready").status == 200
    assert Answer(server, ITEMS, {"name": "Ada"}).status == 201

    store.stop()
    for path, body in (("/ready", None), (ITEMS, None), (ITEMS, {"name": "Bob"})):
        answer = Answer(server, path, body)
        assert answer.status == 503
        assert answer.seconds < PATIENCE
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) > 0
        assert re.search("postgresql|Firestore", answer.json["detail"])
        assert not re.search("127.0.0.1|secret", str(answer.json))
        assert Answer(server, "/health").status == 200

    store.start()
    again = time.monotonic()
    while Answer(server, "/ready").status != 200:
        assert time.monotonic() - again < 10
        time.sleep(0.1)
    for _ in range(10):  # both processes
        assert Answer(server, ITEMS, {"name": "Eve"}).status == 201


@pytest.mark.thorough
def test_no_request_waits_for_long_while_the_datastore_hangs(
    server: Server, store: PostgreSQL | Emulator
) -> None:
    """A frozen datastore still accepts connections, and sends nothing."""
    assert [Answer(server, ITEMS).status for _ in range(10)] == [200] * 10
    store.freeze()
    try:
        with ThreadPoolExecutor(60) as callers:
            answers = [callers.submit(Answer, server, ITEMS) for _ in range(50)]
            time.sleep(1)
            health = Answer(server, "/health")
            waited = [answer.result() for answer in answers]
    finally:
        store.freeze("SIGCONT")
    assert {answer.status for answer in waited} == {503}
    assert max(answer.seconds for answer in waited) < PATIENCE
    assert health.status == 200
    assert health.seconds < PATIENCE
    time.sleep(2)
    assert [Answer(server, ITEMS).status for _ in range(10)] == [200] * 10


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def database(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Return a function that creates a database for a project and returns its URL."""
    if request.param == "sqlite":
        return lambda project: f"sqlite:///{project}/test.db"
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return lambda project: migrated(project, server)


@pytest.mark.thorough
@pytest.mark.parametrize("clients", [16, 64])
def test_while_a_lock_is_held_health_responds_and_other_requests_get_503(
    workshop: Bake, database: Callable[[Path], str], clients: int
) -> None:
    """A migration locks a table, and a slow writer locks SQLite's file."""
    project = workshop(datastore="sql")
    install(project)
    url = database(project)
    with serving(project, WORKERS="1", ACCESS_LOG="off", DATABASE_URL=url) as server:
        assert Answer(server, ITEMS, {"name": "Ada"}).status == 201
        ended = threading.Event()

        def write() -> list[Answer]:
            answers = []
            while not ended.is_set():
                answers.append(Answer(server, ITEMS, {"name": "Bob"}))
                time.sleep(0.1)
            return answers

        with locked(url), ThreadPoolExecutor(clients) as callers:
            writers = [callers.submit(write) for _ in range(clients)]
            time.sleep(1)
            health = [Answer(server, "/health") for _ in range(20)]
            ended.set()
            answers = [answer for writer in writers for answer in writer.result()]
        # Without a bulkhead, /health waits for 4 to 16 seconds.
        assert max(answer.seconds for answer in health) < 2
        assert {answer.status for answer in health} == {200}
        assert {answer.status for answer in answers} == {503}
        assert max(answer.seconds for answer in answers) < PATIENCE
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert Answer(server, ITEMS, {"name": "Eve"}).status == 201


@pytest.mark.thorough
def test_a_killed_worker_loses_no_acknowledged_write(
    workshop: Bake, database: Callable[[Path], str]
) -> None:
    project = workshop(datastore="sql")
    install(project)
    own = {"WORKERS": "2", "ACCESS_LOG": "off", "DATASTORE_TIMEOUT": "30"}
    acknowledged: list[str] = []
    stop_at, enough = time.monotonic() + 60, threading.Event()

    with serving(project, DATABASE_URL=database(project), **own) as server:

        def write(writer: int) -> int:
            """Write until the end; return the number of lost requests."""
            lost = 0
            for number in itertools.count():
                name = f"{writer}-{number}"
                if enough.is_set() or time.monotonic() > stop_at:
                    break
                try:
                    if Answer(server, ITEMS, {"name": name}).status == 201:
                        acknowledged.append(name)
                except (OSError, HTTPException):
                    lost += 1
            return lost

        with ThreadPoolExecutor(200) as writers:
            lost = [writers.submit(write, writer) for writer in range(200)]
            while len(acknowledged) < 500:
                time.sleep(0.01)
            before = children(server.process.pid)
            os.kill(before[0], signal.SIGKILL)
            at_the_kill = len(acknowledged)
            while len(acknowledged) <= at_the_kill + 500 and time.monotonic() < stop_at:
                time.sleep(0.01)
            enough.set()
        assert sum(each.result() for each in lost) > 0, "the kill interrupted no request"
        assert len(acknowledged) > at_the_kill + 500

        kept: Counter[str] = Counter()
        path = f"{ITEMS}?per_page=100"
        while path:
            page = Answer(server, path).json
            kept.update(item["name"] for item in page["items"])
            cursor = page["next_cursor"]
            path = cursor and f"{ITEMS}?per_page=100&cursor={cursor}"
    assert set(acknowledged) <= set(kept)
    assert set(kept.values()) == {1}


ROLE = f"role_{uuid4().hex}"


@pytest.fixture
def pooled(workshop: Bake, postgresql: PostgreSQL) -> Iterator[Callable[..., tuple[Path, str]]]:
    """Yield a function that returns a project and its database's URL behind PgBouncer."""
    with ExitStack() as stack:

        def pooled(**settings: str) -> tuple[Path, str]:
            project = workshop(datastore="sql")
            install(project)
            pooler = PgBouncer(postgresql, ["api", ROLE], **settings)
            stack.callback(pooler.stop)
            name = urlsplit(migrated(project, postgresql)).path[1:]
            return project, pooler.url(name)

        yield pooled


def shown(url: str, setting: str) -> str:
    """Return the value of a setting for another client of the database."""
    command = [BINARIES[-1].with_name("psql"), "-qAt", url, f"--command=SHOW {setting}"]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


@pytest.mark.thorough
def test_the_log_reports_a_pooler_that_refuses_options(
    pooled: Callable[..., tuple[Path, str]], capfd: pytest.CaptureFixture[str]
) -> None:
    project, url = pooled()
    with serving(project, WORKERS="1", DATABASE_URL=url) as server:
        assert Answer(server, ITEMS).status == 503
    assert "unsupported startup parameter: options" in capfd.readouterr().out
    with serving(project, WORKERS="1", DATABASE_URL=f"{url}?options=") as server:
        assert Answer(server, ITEMS).status == 200
    assert "statement_timeout is 0: set it for the role" in capfd.readouterr().out


@pytest.mark.thorough
def test_behind_a_pooler_no_setting_leaks_and_the_role_sets_the_timeout(
    pooled: Callable[..., tuple[Path, str]],
    postgresql: PostgreSQL,
    capfd: pytest.CaptureFixture[str],
) -> None:
    project, url = pooled(ignore_startup_parameters="options")
    with serving(project, WORKERS="2", DATABASE_URL=url) as server:
        assert [Answer(server, ITEMS).status for _ in range(10)] == [200] * 10
        assert shown(url, "statement_timeout") == "0"
    assert "statement_timeout is 0: set it for the role" in capfd.readouterr().out

    own = url.replace("api:secret", f"{ROLE}:secret")
    page = (project / "docs/database.md").read_text(encoding="utf-8")
    of_the_role = re.findall(r"ALTER ROLE api SET .*;", page)
    create = f"CREATE ROLE {ROLE} LOGIN SUPERUSER"
    bounds = [each.replace("ROLE api", f"ROLE {ROLE}") for each in of_the_role]
    postgresql.execute("postgres", create, *bounds)
    with serving(project, WORKERS="2", DATABASE_URL=own) as server:
        assert [Answer(server, ITEMS).status for _ in range(10)] == [200] * 10
        assert shown(own, "statement_timeout") == "2s"
        assert shown(own, "timezone") == "UTC"
    assert "statement_timeout" not in capfd.readouterr().out


@pytest.mark.thorough
def test_its_connections_are_closed_when_the_server_stops(
    workshop: Bake, postgresql: PostgreSQL
) -> None:
    project = workshop(datastore="sql")
    url = migrated(project, postgresql)
    name = urlsplit(url).path[1:]
    with serving(project, WORKERS="2", DATABASE_URL=url) as server:
        for _ in range(10):
            assert Answer(server, ITEMS).status == 200
        log = postgresql.log.stat().st_size
        server.process.terminate()
        server.process.wait()
    for _ in range(50):
        said = postgresql.log.read_text(encoding="utf-8")[log:]
        if f"database={name}" in said:
            break
        time.sleep(0.1)
    assert f"database={name}" in said, "no connection was closed"
    assert "unexpected EOF" not in said
    assert "could not receive" not in said


@pytest.mark.thorough
def test_make_start_migrates_sqlite_and_keeps_its_rows(workshop: Bake) -> None:
    project = workshop(datastore="sql")
    for count in (1, 2):
        with serving(project) as server:
            assert Answer(server, ITEMS, {"name": "Ada"}).status == 201
            assert len(Answer(server, ITEMS).json["items"]) == count
    assert (project / "instance/app.db").exists()


@pytest.mark.thorough
def test_make_start_never_migrates_a_database_server(
    workshop: Bake, postgresql: PostgreSQL
) -> None:
    project = workshop(datastore="sql")
    name = f"api_{uuid4().hex}"
    postgresql.create(name)
    with serving(project, DATABASE_URL=postgresql.url(name)) as server:
        assert Answer(server, ITEMS).status == 500
    assert (
        run(
            "alembic",
            "current",
            cwd=project,
            PATH=f"{project}/.venv/bin:/usr/bin:/bin",
            DATABASE_URL=postgresql.url(name),
        )
        == ""
    )


def test_a_migration_needs_a_name(workshop: Bake) -> None:
    project = workshop(datastore="sql")
    with pytest.raises(AssertionError, match='make migration m="Add orders"'):
        run("make", "migration", cwd=project)


@pytest.mark.thorough
def test_two_versions_share_firestore_while_one_replaces_the_other(
    workshop: Bake, emulator: Emulator, tmp_path: Path
) -> None:
    """The old version accepts documents with an unknown field, and keeps the field."""
    old = workshop(datastore="firestore")
    new = shutil.copytree(old, tmp_path / "new")
    models = new / "api/items/models.py"
    replace(models, DESCRIPTION_IN, DESCRIPTION_IN + "    stock: int = 0\n")
    replace(models, "    updated_at: Time\n", "    updated_at: Time\n    stock: int = 0\n")
    own = {"FIRESTORE_EMULATOR_HOST": emulator.address, "FIRESTORE_DATABASE": "two-versions"}
    with serving(old, WORKERS="1", **own) as before, serving(new, WORKERS="1", **own) as after:
        without = f"{ITEMS}/{Answer(before, ITEMS, {'name': 'Ada'}).json['id']}"
        stocked = f"{ITEMS}/{Answer(after, ITEMS, {'name': 'Bob', 'stock': 3}).json['id']}"
        assert Answer(after, without).json["stock"] == 0
        assert "stock" not in Answer(before, stocked).json
        for server in (before, after):
            listed = Answer(server, ITEMS).json["items"]
            assert [item["name"] for item in listed] == ["Bob", "Ada"]
        assert Answer(before, stocked, {"name": "Eve"}, "PUT").json["name"] == "Eve"
        assert Answer(after, stocked).json["stock"] == 3


@pytest.mark.thorough
def test_make_emulator_starts_the_emulator_and_ctrl_c_stops_it(workshop: Bake) -> None:
    project = workshop(datastore="firestore")
    port = free_port()
    own = environment(FIRESTORE_EMULATOR_HOST=f"127.0.0.1:{port}")
    with subprocess.Popen(
        ["make", "emulator"],
        cwd=project,
        env=own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # As in a terminal, because a background process may ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as emulator:
        try:
            assert fetch(f"http://{own['FIRESTORE_EMULATOR_HOST']}/") == "Ok\n"
        finally:
            os.killpg(emulator.pid, signal.SIGINT)
    for _ in range(50):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.1)
    pytest.fail("Ctrl-C leaves the emulator behind")


def test_make_emulator_fails_if_gcloud_fails(bake: Bake, tmp_path: Path) -> None:
    (tmp_path / "gcloud").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "gcloud").chmod(0o755)
    with pytest.raises(AssertionError, match="emulator. Error 1"):
        run(
            "make",
            "emulator",
            cwd=bake(datastore="firestore"),
            PATH=f"{tmp_path}:{os.environ['PATH']}",
        )


@pytest.mark.thorough
def test_without_credentials_firestore_is_unavailable_and_the_log_has_the_reason(
    workshop: Bake, capfd: pytest.CaptureFixture[str]
) -> None:
    """Outside Google Cloud there is no metadata server."""
    project = workshop(datastore="firestore")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"127.0.0.1:{silent.getsockname()[1]}"
        with serving(project, HOME=str(project), GCE_METADATA_IP=nowhere) as server:
            for path in ("/ready", ITEMS):
                answer = Answer(server, path)
                assert answer.status == 503
                assert answer.seconds < PATIENCE
    assert "Your default credentials were not found" in capfd.readouterr().out


@pytest.mark.thorough
def test_the_tests_of_firestore_report_a_missing_emulator(workshop: Bake) -> None:
    project = workshop(datastore="firestore")
    install(project)
    for ci, outcome in (("false", "skipped"), ("true", "error")):
        done = subprocess.run(
            [project / ".venv/bin/pytest", "-rsE", "tests/test_items_cost.py", "-k", "page"],
            cwd=project,
            env=environment(PATH=f"{project}/.venv/bin", CI=ci),
            text=True,
            capture_output=True,
        )
        assert re.search(rf"\d+ {outcome}", done.stdout)
        assert "FIRESTORE_EMULATOR_HOST is not set, and gcloud" in done.stdout
        assert done.returncode == (ci == "true")
