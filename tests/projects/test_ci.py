"""A project's checks: `make ci`, and GitHub's workflow, which runs it."""

import json
import os
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.conftest import Bake
from tests.support.edits import append, blocks
from tests.support.engine import docker, use_this_machine_s_emulator
from tests.support.machine import OWN_TESTS, environment, listening, run
from tools.variants import AXES, TEMPLATE

WORKFLOW = ".github/workflows/ci.yml"
LOCKED = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


@pytest.fixture
def slug(engine: None) -> Iterator[str]:
    """Yield a unique name for a project, and so for its containers and its image."""
    yield (slug := f"test-{uuid4().hex[:8]}")
    subprocess.run(["docker", "rmi", "--force", slug], capture_output=True)


def left(slug: str) -> str:
    """Return the ids of the containers, networks and volumes that `make ci` left behind."""
    label = f"--filter=label=com.docker.compose.project={slug}-ci"
    kinds = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
    return "".join(docker(*kind, "--quiet", label) for kind in kinds)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("datastore", "auth"),
    [*((datastore, "none") for datastore in AXES["datastore"]), ("sql", "jwt")],
)
def test_make_ci_checks_the_code_the_image_and_the_container(
    workshop: Bake, slug: str, datastore: str, auth: str
) -> None:
    project = workshop(datastore=datastore, auth=auth, project_slug=slug)
    if datastore == "firestore":
        use_this_machine_s_emulator(project)
    own = {"PYTEST_ADDOPTS": f"-rA {OWN_TESTS['PYTEST_ADDOPTS']}"}
    log = run("make", "ci", cwd=project, http_proxy="http://127.0.0.1:1", **own)
    assert "All checks passed!" in log
    assert "Success: no issues found" in log
    assert re.search(r"=+ \d+ passed in", log), "tests were skipped"
    assert ("[postgresql] PASSED" in log or "[postgresql]\n" in log) == (datastore == "sql")
    assert re.findall(r"^GET (\S+): (\d+)", log, re.MULTILINE) == [
        ("/health", "200"),
        ("/openapi.json", "200"),
        ("/no-such-page", "401" if auth == "jwt" else "404"),
    ]
    assert not left(slug)


def have_make(project: Path, **commands: str) -> None:
    """Replace the commands of make targets."""
    makefile = project / "Makefile"
    for target, command in commands.items():
        rule = rf"^{target}: .*\n(\t.*\n)+"
        text, count = re.subn(
            rule, f"{target}:\n\t{command}\n", makefile.read_text("utf-8"), flags=re.MULTILINE
        )
        assert count == 1
        makefile.write_text(text, encoding="utf-8")


@pytest.mark.thorough
def test_make_ci_prints_the_log_of_a_container_that_does_not_start(
    workshop: Bake, slug: str
) -> None:
    project = workshop(project_slug=slug)
    have_make(project, lint="true", test="true")
    append(project / "gunicorn.conf.py", "\nraise SystemExit('the disk is full')\n")
    with pytest.raises(AssertionError, match=r"api-1 +\| the disk is full"):
        run("make", "ci", cwd=project)
    assert not left(slug)


def test_make_ci_exits_with_the_first_failure_and_cleans_up_even_if_docker_fails(
    workshop: Bake, tmp_path: Path
) -> None:
    project = workshop()
    have_make(project, lint="exit 1")
    (tmp_path / "docker").write_text('#!/bin/sh\necho "$*" >> "$LOG"\nexit 1\n')
    (tmp_path / "docker").chmod(0o755)
    own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    done = subprocess.run(["bin/ci.sh"], cwd=project, env=environment(**own), capture_output=True)
    assert done.returncode == 2, "the status is not that of make"
    assert (tmp_path / "log").read_text().endswith(" down --volumes\n")


def test_ci_sh_refuses_another_argument(bake: Bake) -> None:
    with pytest.raises(AssertionError, match=r"usage: bin/ci.sh \[code\|container\]$"):
        run("bin/ci.sh", "lint", cwd=bake())


@pytest.mark.parametrize(
    ("deploy", "platform"), [("container", []), ("cloud-run", ["linux/amd64"])]
)
def test_make_image_builds_for_this_machine_or_for_the_platform_that_cloud_run_needs(
    bake: Bake, tmp_path: Path, deploy: str, platform: list[str]
) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    docker.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    words = run("make", "--silent", "image", cwd=bake(deploy=deploy), PATH=path).splitlines()
    assert words[0] == "build"
    assert [words[words.index(word) + 1] for word in words if word == "--platform"] == platform


def test_the_workflow_uses_the_container_s_python(bake: Bake, tmp_path: Path) -> None:
    for version in ("3.14", "3.11"):
        project = bake(python_version=version)
        workflow = yaml.safe_load((project / WORKFLOW).read_text(encoding="utf-8"))
        (step,) = [s for s in workflow["jobs"]["ci"]["steps"] if s.get("id") == "python"]
        output = tmp_path / version
        run("bash", "-eo", "pipefail", "-c", step["run"], cwd=project, GITHUB_OUTPUT=str(output))
        assert output.read_text() == f"version={version}\n"


def test_the_workflow_does_nothing_in_a_template_that_is_not_rendered_yet() -> None:
    steps = yaml.safe_load((TEMPLATE / WORKFLOW).read_text(encoding="utf-8"))["jobs"]["ci"]["steps"]
    guarded = [step.get("uses", step.get("run")) for step in steps if "is_template" in str(step)]
    assert [what.partition("@")[0] for what in guarded] == ["actions/setup-python", "make ci"]
    assert "hashFiles('cookiecutter.json') == ''" in steps[-1]["if"] == steps[-2]["if"]
    assert (TEMPLATE / "cookiecutter.json").exists()


def test_github_s_schema_accepts_the_configuration_of_dependabot(bake: Bake) -> None:
    project = bake()
    schema = ["--builtin-schema", "vendor.dependabot"]
    run("check-jsonschema", *schema, ".github/dependabot.yml", cwd=project)
    for update in yaml.safe_load((project / ".github/dependabot.yml").read_text())["updates"]:
        assert (project / update["directory"].strip("/")).is_dir()


# --- make audit, with stand-ins for the databases of vulnerabilities


@contextmanager
def database(vulnerable: str) -> Iterator[str]:
    """Serve OSV's interface (https://google.github.io/osv.dev/api/): one package is vulnerable."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = {"vulns": [{"id": "TEST-1", "affected": [], "details": "It opens the door."}]}
            answer = json.dumps(found if query["package"]["name"] == vulnerable else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    with listening(Handler) as address:
        yield f"{address}/query"


@contextmanager
def pypi(folder: Path, unknown: str) -> Iterator[dict[str, str]]:
    """Run a proxy in place of pypi.org, which lacks one package; yield the settings."""
    names = ["-subj", "/CN=pypi.org", "-addext", "subjectAltName=DNS:pypi.org"]
    files = ["-nodes", "-keyout", "key.pem", "-out", "certificate.pem"]
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", *names, *files, cwd=folder)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile, self.wfile = (self.connection.makefile(mode) for mode in ("rb", "wb"))
            self.close_connection = False

        def do_GET(self) -> None:
            answer = b'{"vulnerabilities": []}'
            self.send_response(404 if self.path.startswith(f"/pypi/{unknown}/") else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

        def log_message(self, *_: object) -> None: ...

    with listening(Proxy) as address:
        certificate = str(folder / "certificate.pem")
        yield {"https_proxy": address, "no_proxy": "", "REQUESTS_CA_BUNDLE": certificate}


def audit(project: Path, **own: str) -> tuple[int, str]:
    """Run `make audit`; return its status and its output."""
    own |= {"PIP_CACHE_DIR": str(project / ".pip")}
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["make", "audit"], cwd=project, env=environment(**own), text=True, **both)
    return done.returncode, done.stdout


@pytest.mark.thorough
def test_make_audit_fails_for_a_package_that_pypi_does_not_know_and_without_network(
    workshop: Bake, tmp_path: Path
) -> None:
    project = workshop()
    run("make", ".venv/audit/audit.txt", cwd=project)
    with pypi(tmp_path, unknown="") as own:
        status, said = audit(project, **own)
        assert (status, "No known vulnerabilities found" in said) == (0, True), said
    with pypi(tmp_path, unknown="werkzeug") as own:
        status, said = audit(project, **own)
        assert (status, "No known" in said) == (2, False), said
        assert "werkzeug: Dependency not found on PyPI and could not be audited" in said
    for service, host in (("pypi", "https://pypi.org"), ("osv", "https://api.osv.dev")):
        nowhere = {"https_proxy": "http://127.0.0.1:1", "no_proxy": ""}
        status, said = audit(project, PIP_AUDIT_VULNERABILITY_SERVICE=service, **nowhere)
        assert (status, "No known" in said) == (2, False), said
        assert re.search(f"^Asking .*{host}", said, re.MULTILINE), said


@pytest.mark.thorough
def test_the_line_of_the_page_writes_a_bill_of_the_packages_that_the_image_installs(
    workshop: Bake,
) -> None:
    for datastore in AXES["datastore"]:
        project = workshop(datastore=datastore)
        (line,) = blocks(project, "docs/testing.md", "A bill of materials")
        run("sh", "-ec", line, cwd=project)
        bill = json.loads((project / "sbom.json").read_text(encoding="utf-8"))
        assert bill["bomFormat"] == "CycloneDX"
        locked = (project / "requirements/common.txt").read_text(encoding="utf-8")
        packages = {f"pkg:pypi/{name}@{version}" for name, version in LOCKED.findall(locked)}
        assert {part["purl"] for part in bill["components"]} == packages != set()
        assert all("hashes" in str(part["externalReferences"]) for part in bill["components"])
        shutil.rmtree(project)


@pytest.mark.thorough
def test_make_audit_names_the_vulnerable_package_and_fails(workshop: Bake) -> None:
    project = workshop()
    for vulnerable, code, said in (
        ("werkzeug", 2, r"werkzeug +\S+ +TEST-1"),
        ("none", 0, "No known"),
    ):
        with database(vulnerable) as url:
            own = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url}
            done = subprocess.run(
                ["make", "audit"],
                cwd=project,
                env=environment(**own),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        assert done.returncode == code, done.stdout
        assert re.search(said, done.stdout), done.stdout
