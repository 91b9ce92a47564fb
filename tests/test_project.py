"""The rendered projects, lived in: installed, checked, changed and run as their owner would."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from .conftest import Bake, serving
from .datastores import PostgreSQL
from .machine import run
from .marks import every_project, parametrize
from .pythons import PYTHONS
from .variants import Answers, distinct, few, name

containers = [answers for answers in distinct() if answers["deploy"] == "container"]
NEWEST, *_, OLDEST = [*PYTHONS, *PYTHONS]


# What Cloud Run adds is small: for it the newest and the oldest Python will do.
@pytest.mark.parametrize(
    ("answers", "version"),
    [
        pytest.param(
            answers,
            version,
            marks=[] if answers in few() and version == NEWEST else pytest.mark.thorough,
            id=f"{version}-{name(answers)}",
        )
        for answers in distinct()
        for version in PYTHONS
        if answers["deploy"] == "container" or version in (NEWEST, OLDEST)
    ],
)
def test_a_project_passes_its_own_lint_and_tests(
    workshop: Bake, answers: Answers, version: str, postgresql: PostgreSQL
) -> None:
    project = workshop(**answers)
    python, server = f"PYTHON={PYTHONS[version]}", postgresql.url("postgres")
    output = run("make", "lint", "test", python, cwd=project, TEST_DATABASE_URL=server)
    assert re.search(r"\d+ passed", output)
    assert not re.search(r"failed|skipped|xfailed", output)


@every_project
def test_make_docs_and_make_format_find_nothing_to_do(workshop: Bake, answers: Answers) -> None:
    project = workshop(**answers)
    run("git", "init", "-q", cwd=project)
    run("git", "add", "-A", cwd=project)
    run("make", "format", "docs", cwd=project)
    assert run("git", "diff", cwd=project) == ""
    assert run("git", "ls-files", "--others", "--exclude-standard", cwd=project) == ""


@parametrize(few()[:1], containers)
def test_what_the_readme_says_of_adding_a_resource_works(workshop: Bake, answers: Answers) -> None:
    project = workshop(**answers)
    add_the_resource_of_the_readme(project)
    document = yaml.safe_load((project / "docs/swagger.yaml").read_text(encoding="utf-8"))
    if answers["datastore"] == "none":
        assert "/api/v1/quotes/{country}" in document["paths"]
    else:
        assert "/api/v1/orders/{order_id}" in document["paths"]
        assert document["components"]["schemas"]["Order"]["properties"]["quantity"]


def add_the_resource_of_the_readme(project: Path) -> None:
    """Do what its section "Change it" says, to its last command."""
    readme = (project / "README.md").read_text(encoding="utf-8")
    section = readme.partition("## Change it")[2].partition("\n## ")[0]
    for text, language, code in re.findall(r"(.*?)```(\w+)\n(.*?)```", section, re.DOTALL):
        place = ["", *re.findall(r"`([\w/.]+)`", text)][-1]
        if language == "sh":
            run("sh", "-ec", code, cwd=project)
        elif place == "create_app":
            register(project / "api/__init__.py", *code.split("\n\n"))
        elif place.endswith(".py"):
            (project / place).write_text(code, encoding="utf-8")
        else:
            add_fields(project / "api/orders", place, code)


def register(factory: Path, imports: str, registration: str) -> None:
    """Put the lines for a blueprint beside those of the one that is there."""
    code = factory.read_text(encoding="utf-8")
    code = re.sub(r"^from \.(greetings|items) .*$", rf"\g<0>\n{imports}", code, flags=re.MULTILINE)
    code = re.sub(
        r"^.*\((greetings|items), .*$", rf"\g<0>\n{registration}", code, flags=re.MULTILINE
    )
    factory.write_text(code, encoding="utf-8")


def add_fields(folder: Path, name: str, fields: str) -> None:
    """Put fields of a class behind its description."""
    (path,) = [path for path in folder.glob("*.py") if f"class {name}(" in path.read_text("utf-8")]
    code = path.read_text(encoding="utf-8")
    code, count = re.subn(
        rf"class {name}\(.*?\n    description: [^\n]*\n",
        rf"\g<0>{fields}",
        code,
        count=1,
        flags=re.S,
    )
    assert count == 1
    path.write_text(code, encoding="utf-8")


@every_project
def test_the_locked_requirements_satisfy_the_chosen_ones(workshop: Bake, answers: Answers) -> None:
    project = workshop(**answers)
    locked = {path: path.read_text() for path in (project / "requirements").glob("*.txt")}
    run("make", "lock", "UPGRADE=", cwd=project)
    for path, text in locked.items():
        assert path.read_text() == text, (
            f"run `make lock`: {path.name} is not what its .in asks for"
        )


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
        output = run("make", "load-test", host, "USERS=2", "RUN_TIME=3s", cwd=project)
    requests, failures = re.findall(r"Aggregated +(\d+) +(\d+)\(", output)[-1]
    assert int(requests) > 0
    assert int(failures) == 0


def test_without_uv_make_develop_installs_with_pip(workshop: Bake, tmp_path: Path) -> None:
    project = workshop()
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "rm", "cp"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    make = shutil.which("make") or "make"
    run(make, "develop", f"PYTHON={PYTHONS[NEWEST]}", cwd=project, PATH=str(tools))
    assert (project / ".venv/bin/pip").exists()
    assert "Flask" in run(project / ".venv/bin/flask", "--version", cwd=project)


def test_with_an_older_python_make_says_which_is_needed(workshop: Bake, tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\nexec python3 -c "import sys; sys.version_info = (3, 10); $2"\n')
    old.chmod(0o755)
    with pytest.raises(AssertionError, match=r"Python 3.11 or newer is needed.*PYTHON=python3.13"):
        run("make", "develop", f"PYTHON={old}", cwd=workshop())


def test_the_environment_wins_over_env_and_env_over_the_defaults(workshop: Bake) -> None:
    project = workshop()
    run("make", "develop", cwd=project)
    (project / ".env").write_text("LOG_LEVEL='loud'\nPORT=none\n")
    for environment, refused in (({}, "LOG_LEVEL='loud'"), ({"LOG_LEVEL": "info"}, "PORT='none'")):
        with pytest.raises(AssertionError, match=refused):
            run("bin/run.sh", cwd=project, PATH=f"{project}/.venv/bin:/usr/bin:/bin", **environment)
