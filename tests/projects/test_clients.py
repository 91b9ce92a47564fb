"""The projects' OpenAPI documents: linters find no fault, and generated clients work."""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bake, serving
from tests.support.edits import add_the_parcels, append, blocks
from tests.support.installed import install
from tests.support.machine import missing, run
from tools.variants import AXES, TEMPLATE, distinct

JUDGES = TEMPLATE / "tests/judges"
# The linters and generators must work offline, so no server listens at this proxy.
OFFLINE = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
}
# The programs that use each client, named by the answer to `datastore`.
USES = Path(__file__).with_name("clients")

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the packages of tests/judges; return the folder of their commands."""
    npm = shutil.which("npm") or missing("npm, with Node.js 20 or newer (Debian's package npm)")
    folder = shutil.copytree(JUDGES, tmp_path_factory.mktemp("node") / "judges")
    run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", cwd=folder)
    return folder / "node_modules/.bin"


@pytest.fixture(scope="module")
def documents(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return every distinct document that the template renders."""
    folder = tmp_path_factory.mktemp("documents")
    licenses = [{"license": license_} for license_ in AXES["license"]]
    texts = {
        (bake(**each) / "docs/swagger.yaml").read_text("utf-8") for each in distinct() + licenses
    }
    for number, text in enumerate(sorted(texts)):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    assert len(texts) > len(licenses)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def declared(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the document of a project with the example of docs/operations.md."""
    project = shutil.copytree(bake(), tmp_path_factory.mktemp("declared") / "project")
    add_the_parcels(project)
    install(project)
    run("make", "docs", cwd=project)
    return project / "docs/swagger.yaml"


def test_spectral_and_redocly_find_nothing(
    node: Path, documents: list[Path], declared: Path
) -> None:
    judged = [*documents, declared]
    spectral = [node / "spectral", "lint", "--fail-severity=hint", "--ruleset", JUDGES / "oas.yaml"]
    run(*spectral, *judged, cwd=node.parent.parent, **OFFLINE)
    redocly = [node / "redocly", "lint", "--extends=recommended", "--format=json"]
    for document in judged:
        said = run(*redocly, document, cwd=node.parent.parent, **OFFLINE)
        found, _ = json.JSONDecoder().raw_decode(said[said.index("{") :])
        assert found["problems"] == [], document


def test_owasp_s_rules_find_nothing_and_the_decisions_name_each_disabled_rule(
    node: Path, documents: list[Path]
) -> None:
    rules = shutil.copy(JUDGES / "owasp.yaml", node.parent.parent)
    run(
        *(node / "spectral", "lint", "--fail-severity=hint", "--ruleset", rules, *documents),
        cwd=node.parent.parent,
        **OFFLINE,
    )
    refused = [
        name
        for name, rule in yaml.safe_load(Path(rules).read_text(encoding="utf-8"))["rules"].items()
        if rule is False
    ]
    page = (TEMPLATE / "docs/decisions/contract-layer.md").read_text(encoding="utf-8")
    assert [name for name in refused if f"`{name.partition('-')[2]}`" not in page] == []
    assert refused


def commands_of_the_page(project: Path) -> tuple[list[str], list[str]]:
    """Return the arguments of the two generators, as docs/clients.md has them."""
    (lines,) = blocks(project, "docs/clients.md", "Generate a client")
    python, typescript = map(shlex.split, lines.strip().splitlines())
    assert python[:2] == ["uvx", "openapi-python-client"]
    assert typescript[:5] == ["npx", "-p", "typescript@5", "-p", "openapi-typescript"]
    return python[2:], typescript[6:]


@pytest.mark.parametrize("datastore", ["none", "sql"])
def test_a_generated_python_client_calls_the_server_and_reads_its_errors(
    workshop: Bake, tmp_path: Path, datastore: str
) -> None:
    project = workshop(datastore=datastore)
    arguments, _ = commands_of_the_page(project)
    install(project)
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path}/app.db"} if datastore == "sql" else {}
    if datastore == "sql":
        run("bin/run.sh", "alembic", "upgrade", "head", cwd=project, **settings)
    else:
        add_the_parcels(project)
        run("make", "docs", cwd=project)
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    binaries = tmp_path / "venv/bin"
    requirements = TEMPLATE / "requirements/clients.txt"
    run(binaries / "pip", "install", "-q", "--require-hashes", "-r", requirements, cwd=tmp_path)
    path = {"PATH": f"{binaries}:{os.environ['PATH']}"}
    made = [*arguments, "--meta=none", f"--output-path={tmp_path}/client"]
    said = run(binaries / "openapi-python-client", *made, cwd=project, **path)
    left_out = re.findall("WARNING parsing (.*) within", said)
    assert left_out == ([] if datastore == "sql" else ["POST /api/v1/parcels.csv"])
    shutil.copy(USES / f"{datastore}.py", tmp_path / "use.py")
    with serving(project, WORKERS="1", **settings) as server:  # a worker's memory has the parcels
        run(binaries / "python", "use.py", server.address, cwd=tmp_path)


@pytest.mark.parametrize("datastore", ["none", "sql"])
def test_generated_types_compile_and_know_bodies_and_errors(
    node: Path, bake: Bake, tmp_path: Path, datastore: str
) -> None:
    project = bake(datastore=datastore)
    _, arguments = commands_of_the_page(project)
    run(node / "openapi-typescript", *arguments, cwd=project, **OFFLINE)
    (tmp_path / "client.ts").write_text((project / "client.ts").read_text("utf-8"), "utf-8")
    (project / "client.ts").unlink()
    use = shutil.copy(USES / f"{datastore}.ts", tmp_path / "use.ts")
    run(node / "tsc", "--strict", "--noEmit", use, cwd=tmp_path)
    append(use, 'const wrong: Problem["status"] = "404";\n')
    with pytest.raises(AssertionError, match="not assignable to type 'number'"):
        run(node / "tsc", "--strict", "--noEmit", use, cwd=tmp_path)
