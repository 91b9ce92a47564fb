"""Provoke each fault in the table of a project's README, and apply its remedy."""

import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.conftest import Bake, serving
from tests.support.answer import Answer
from tests.support.datastores import PostgreSQL
from tests.support.edits import append, replace
from tests.support.engine import docker
from tests.support.faults import PROVOKED, Fault, failing, provokes, read, rows, started
from tests.support.installed import install
from tests.support.machine import fetch, free_port, run
from tools.variants import product

GREETINGS, ITEMS = "/api/v1/greetings", "/api/v1/items"


@pytest.fixture
def fault(workshop: Bake, request: pytest.FixtureRequest) -> Fault:
    seen, answers = request.param
    project = workshop(**answers)
    return read(project, seen)


def test_each_readme_has_ten_faults_and_each_is_provoked_here(bake: Bake) -> None:
    found = {
        " ".join(map(str, answers.values())): {*rows(bake(**answers))}
        for answers in product(["datastore", "auth"])
    }
    assert {name: len(seen) for name, seen in found.items()} == dict.fromkeys(found, 10)
    assert set().union(*found.values()) == PROVOKED


# --- at the start


@provokes("`Address already in use` at the start")
def test_a_port_that_is_in_use(fault: Fault) -> None:
    with serving(fault.project) as server:
        assert fault.is_in(failing(fault.project, "make", "start", PORT=str(server.port)))
        (remedy,) = fault.remedy
        port = free_port()
        with started(fault.project, remedy.replace("8081", str(port))):
            assert fetch(f"http://127.0.0.1:{port}/health")


@provokes("`LOG_LEVEL='loud': use one of …` at the start")
def test_a_setting_that_is_wrong(fault: Fault) -> None:
    install(fault.project)
    own = fault.project / fault.remedy[0]
    own.write_text("LOG_LEVEL=loud\n", encoding="utf-8")
    assert fault.is_in(failing(fault.project, "make", "start"))
    replace(own, "loud", "debug")
    with serving(fault.project) as server:
        assert fetch(f"{server.address}/health")


def test_a_setting_that_is_missing_is_named_as_in_the_table(workshop: Bake) -> None:
    fault = read(workshop(auth="jwt"), "`LOG_LEVEL='loud': use one of …` at the start")
    install(fault.project)
    assert f"AUTH_ISSUER {fault.means[0].removesuffix('…')}" in failing(fault.project, "bin/run.sh")


@provokes("`TypeError: api.…` at the start")
def test_a_view_without_annotations(fault: Fault) -> None:
    install(fault.project)
    module = fault.project / "api/greetings.py"
    replace(module, "(body: GreetingIn) -> Greeting:", "(body: GreetingIn):")
    output = failing(fault.project, "make", "start")
    assert fault.is_in(output)
    (message,) = [line for line in output.splitlines() if line.startswith("TypeError: api.")]
    assert message.endswith("add `-> T` or `-> None`")
    replace(module, "(body: GreetingIn):", "(body: GreetingIn) -> Greeting:")
    with serving(fault.project) as server:
        assert fetch(f"{server.address}/health")


@pytest.mark.thorough
@provokes("`ModuleNotFoundError` on your machine")
def test_a_requirement_that_is_not_locked(fault: Fault) -> None:
    append(fault.project / fault.means[0], "tabulate\n")
    replace(
        fault.project / "api/greetings.py", "import msgspec\n", "import msgspec\nimport tabulate\n"
    )
    assert fault.is_in(failing(fault.project, "make", "start", PORT=str(free_port())))
    for command in fault.remedy:
        run(*command.split(), cwd=fault.project)
    port = free_port()
    with started(fault.project, "make start", PORT=str(port)):
        assert fetch(f"http://127.0.0.1:{port}/health")


# --- in the tests


@provokes("`test_the_exported_document_is_up_to_date` fails")
def test_a_document_that_is_out_of_date(fault: Fault) -> None:
    install(fault.project)
    replace(fault.project / "api/greetings.py", "max_length=200", "max_length=300")
    tests = [".venv/bin/pytest", "-q", "tests/test_contract.py"]
    assert fault.is_in(failing(fault.project, *tests))
    command, page = fault.remedy[0], fault.project / fault.means[0]
    assert "maxLength: 300" not in page.read_text(encoding="utf-8")
    run(*command.split(), cwd=fault.project)
    assert "maxLength: 300" in page.read_text(encoding="utf-8")
    run(*tests, cwd=fault.project)


# --- in a response


@provokes('status 422, `"pointer":"/name"`')
def test_a_value_that_is_not_allowed(fault: Fault) -> None:
    with serving(fault.project) as server:
        for body in ({}, {"name": 5}, {"name": ""}):
            answer = Answer(server, GREETINGS, body)
            assert answer.status == 422
            assert fault.is_in(answer.text.decode())
        assert Answer(server, GREETINGS, {"name": "5"}).status == 201


@provokes('status 415, `"Unsupported Media Type"`')
def test_a_body_that_is_not_declared_as_json(fault: Fault) -> None:
    with serving(fault.project) as server:
        url = f"{server.address}{GREETINGS}"
        send = ["curl", "--silent", url, "--data", '{"name": "Ada"}']
        assert fault.is_in(run(*send, cwd=fault.project))
        header, option = fault.remedy
        assert "Hello, Ada!" in run(*send, "--header", header, cwd=fault.project)
        assert "Hello, Ada!" in run(*option.split(), '{"name": "Ada"}', url, cwd=fault.project)


@provokes('status 401, `"Unauthorized"`', auth="jwt")
def test_a_token_that_is_missing_or_refused(
    fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(fault.project) as server:
        send = f'curl --silent {server.address}{GREETINGS} --json \'{{"name": "Ada"}}\''
        for header in ("", " --header 'Authorization: Bearer x.y.z'"):
            assert fault.is_in(run("sh", "-ec", send + header, cwd=fault.project))
        assert fault.means[0].removesuffix("…") in capfd.readouterr().out
        with_token = f'{fault.remedy[0]}\n{send} --header "Authorization: Bearer $TOKEN"'
        assert "Hello, Ada!" in run("sh", "-ec", with_token, cwd=fault.project, **server.issuer)


# --- in the log


@provokes('`"remote_addr":"127.0.0.1"` in the log, for every client')
def test_a_proxy_that_is_not_trusted(fault: Fault, capfd: pytest.CaptureFixture[str]) -> None:
    name, _, number = fault.remedy[0].partition("=")
    for own, address in (({}, None), ({name: number}, '"remote_addr":"192.0.2.7"')):
        with serving(fault.project, **own) as server:
            headers = {"X-Forwarded-For": "192.0.2.7"}
            request = urllib.request.Request(f"{server.address}/openapi.json", headers=headers)
            urllib.request.urlopen(request).close()
        lines = capfd.readouterr().out.splitlines()
        (log,) = [line for line in lines if '"path":"/openapi.json"' in line]
        assert fault.is_in(log) == (address is None)
        assert address is None or address in log


# --- with a datastore


@pytest.fixture
def stopped() -> Iterator[PostgreSQL]:
    """Yield a server that does not run yet."""
    server = PostgreSQL()
    yield server
    server.remove()


@pytest.mark.thorough
@provokes('status 503, `"The database (postgresql) is not available."`', datastore="sql")
def test_a_database_that_cannot_be_reached(
    fault: Fault, stopped: PostgreSQL, capfd: pytest.CaptureFixture[str]
) -> None:
    own = {fault.remedy[0]: stopped.url("api")}
    with serving(fault.project, **own) as server:
        answer = Answer(server, ITEMS)
        assert answer.status == 503
        assert fault.is_in(answer.text.decode())
        assert fault.means[0].removesuffix("…") in capfd.readouterr().out
        stopped.start()
        stopped.create("api")
        run("make", "migrate", cwd=fault.project, **own)
        assert Answer(server, ITEMS, {"name": "Ada"}).status == 201


@pytest.mark.thorough
@provokes("`The database has no …` in the log, `/ready` has status 503", datastore="sql")
def test_a_migration_that_was_not_applied(
    fault: Fault, stopped: PostgreSQL, capfd: pytest.CaptureFixture[str]
) -> None:
    stopped.start()
    stopped.create("api")
    own = {"DATABASE_URL": stopped.url("api")}
    with serving(fault.project, **own) as server:
        assert Answer(server, fault.seen[1]).status == 503
        assert fault.is_in(capfd.readouterr().out)
        run(*fault.remedy[0].split(), cwd=fault.project, **own)
        assert Answer(server, fault.seen[1]).status == 200


@pytest.mark.thorough
@provokes('status 503, `"Firestore is not available."`', datastore="firestore")
def test_an_emulator_that_does_not_run(fault: Fault, capfd: pytest.CaptureFixture[str]) -> None:
    emulator, variable = fault.remedy
    name, _, address = variable.partition("=")
    own = {name: f"localhost:{free_port()}"}
    with serving(fault.project) as server:  # without an emulator
        answer = Answer(server, ITEMS)
        assert answer.status == 503
        assert fault.is_in(answer.text.decode())
        assert fault.means[0].removesuffix("…") in capfd.readouterr().out
    with serving(fault.project, **own) as server:
        answer = Answer(server, ITEMS)
        assert answer.status == 503
        assert fault.is_in(answer.text.decode())
        assert address.startswith("localhost:")
        with started(fault.project, emulator, **own):
            fetch(f"http://{own[name]}/v1/projects/none/databases/(default)/documents/none")
            assert Answer(server, ITEMS, {"name": "Ada"}).status == 201


# --- in the container


@pytest.fixture
def tag(engine: None) -> Iterator[str]:
    """Yield the name of an image; at the end, remove the image and its containers."""
    tag = f"test-{uuid4().hex[:8]}"
    yield tag
    for container in docker("ps", "--all", "--quiet", f"--filter=ancestor={tag}").split():
        docker("rm", "--force", container)
    docker("rmi", "--force", tag)


@pytest.mark.thorough
@provokes("`ModuleNotFoundError` in the container only")
def test_a_folder_that_the_image_lacks(fault: Fault, tag: str) -> None:
    project, image = fault.project, f"IMAGE={tag}"
    (project / "rates").mkdir()
    (project / "rates/__init__.py").touch()
    replace(project / "api/greetings.py", "import msgspec\n", "import msgspec\n\nimport rates\n")
    with serving(project) as server:
        assert fetch(f"{server.address}/health")
    run("make", "image", image, cwd=project)
    assert fault.is_in(failing(project, "make", "run-image", image, PORT=str(free_port())))
    append(project / fault.means[0], f"{fault.remedy[0]}\n")
    run(*fault.remedy[1].split(), image, cwd=project)
    port = free_port()
    with started(project, f"make run-image {image}", PORT=str(port)):
        assert fetch(f"http://127.0.0.1:{port}/health")


@pytest.mark.thorough
@provokes("`Read-only file system` in the container")
def test_a_view_that_writes_a_file(fault: Fault, tag: str, tmp_path: Path) -> None:
    project, image = fault.project, f"IMAGE={tag}"
    module = project / "api/greetings.py"
    replace(module, "import msgspec\n", "from pathlib import Path\n\nimport msgspec\n")
    writes = '    Path("names.txt").write_text(body.name)\n    return Greeting('
    replace(module, "    return Greeting(", writes)
    for path, status, is_seen in (("names.txt", 500, True), ("/tmp/names.txt", 201, False)):
        replace(module, 'Path("names.txt")', f'Path("{path}")')
        run("make", "image", image, cwd=project)
        port = free_port()
        log = tmp_path / "log"
        with started(project, f"make run-image {image} > {log}", PORT=str(port)):
            fetch(f"http://127.0.0.1:{port}/health")
            send = ["curl", "--silent", "--write-out", "%{http_code}", "--json", '{"name": "Ada"}']
            url = f"http://127.0.0.1:{port}{GREETINGS}"
            assert run(*send, url, cwd=project).endswith(str(status))
        assert fault.is_in(log.read_text(encoding="utf-8")) == is_seen
    assert path.startswith(fault.remedy[0])
    shutil.rmtree(project)
