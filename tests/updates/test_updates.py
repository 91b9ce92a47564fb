"""Update rendered projects with cruft, as the README describes.

A project is rendered from one commit of the template and edited by its owner. Then the template
changes.
"""

import itertools
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Bake
from tests.support.machine import OWN_TESTS, run
from tests.support.repository import commit, copy, git
from tests.support.tutorial import add_the_resource
from tools.variants import PROJECT, TEMPLATE

OPTIONS = ["--no-input", "--default-config"]
# The beginning of a sentence in the project's README.
TYPED = "A Flask API: typed requests and responses"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return copy(tmp_path / "template")


def create(template: Path, **answers: str | bool) -> Path:
    """Render a project and commit it."""
    given = ["--default-config", "--no-input", f"--extra-context={json.dumps(answers)}"]
    home = template.parent
    printed = run("cruft", "create", *given, template, cwd=home, PWD=str(home))
    assert "cd my-flask-api" in printed
    project = template.parent / "my-flask-api"
    git(project, "init", "--quiet")
    commit(project, "Render")
    return project


def cruft(project: Path, *arguments: str) -> str:
    return run("cruft", *arguments, cwd=project, PWD=str(project))


def update(project: Path, **changed: str | bool) -> str:
    """Update a project to the template's last commit, with changed answers if any are given."""
    answers = [f"--variables-to-update={json.dumps(changed)}"] if changed else []
    return cruft(project, "update", "--skip-apply-ask", *answers)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def context(project: Path) -> dict[str, Any]:
    state = json.loads((project / ".cruft.json").read_text(encoding="utf-8"))
    return state["context"]["cookiecutter"]


def files(project: Path) -> dict[str, bytes]:
    """Return the files that git tracks or would add, except .cruft.json, by path."""
    listed = git(project, "ls-files", "-z", "-co", "--exclude-standard").strip("\0").split("\0")
    return {
        path: (project / path).read_bytes()
        for path in listed
        if path != ".cruft.json" and (project / path).exists()
    }


def move_on(template: Path) -> None:
    """Change the template: a few lines, a workflow and a new file."""
    source = template / PROJECT.name
    replace(source / "README.md", TYPED, "A Flask API: typed requests and typed responses")
    append(source / ".editorconfig", "\n[*.md]\nmax_line_length = 110\n")
    append(source / ".github/workflows/deploy.yml", "# The end.\n")
    (source / "bin/new.sh").write_text("#!/bin/sh\nexec true\n", encoding="utf-8")
    (source / "bin/new.sh").chmod(0o755)
    commit(template, "Move on")


def test_an_update_adds_the_template_s_changes_and_keeps_the_owner_s(template: Path) -> None:
    project = create(template, deploy="cloud-run")
    assert "SUCCESS" in cruft(project, "check")
    append(project / "README.md", "\n## Ours\n")
    (project / "api/ours.py").write_text('"""Ours."""\n', encoding="utf-8")
    (project / "docs/deploy.md").unlink()
    commit(project, "Live")
    move_on(template)
    with pytest.raises(AssertionError, match="FAILURE: Project's cruft is out of date"):
        cruft(project, "check")
    update(project)
    assert "SUCCESS" in cruft(project, "check")
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert "typed requests and typed responses" in readme
    assert readme.endswith("\n## Ours\n")
    assert (project / "api/ours.py").exists()
    assert not (project / "docs/deploy.md").exists()
    assert (project / ".editorconfig").read_bytes().endswith(b"max_line_length = 110\n")
    assert (project / ".github/workflows/deploy.yml").read_bytes().endswith(b"# The end.\n")
    assert (project / "bin/new.sh").stat().st_mode & 0o111
    assert not [line for line in git(project, "status", "--short").splitlines() if "U" in line[:2]]


def test_an_untouched_project_has_no_diff(template: Path) -> None:
    """The hooks print nothing either, because the output of `cruft diff` is a patch."""
    assert cruft(create(template), "diff") == ""


@pytest.mark.thorough
def test_the_diff_has_the_owner_s_changes(template: Path) -> None:
    project = create(template)
    append(project / "README.md", "Ours.\n")
    changed = re.findall(r"^[-+](?![-+]).*$", cruft(project, "diff"), re.MULTILINE)
    assert changed == ["-Ours."]


@pytest.mark.thorough
def test_an_update_runs_no_tests_and_installs_nothing(template: Path) -> None:
    """`run_tests` applies to the first rendering. An update renders into two temporary folders."""
    project = create(template)
    replace(project / ".cruft.json", '"run_tests": false', '"run_tests": true')
    commit(project, "As if they had been run")
    move_on(template)
    assert "Installing" not in update(project)
    assert "Installing" not in cruft(project, "diff")
    assert not (project / ".venv").exists()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("before", "changed"),
    [
        ({}, {"project_name": 'The "new" \\ name', "datastore": "sql", "deploy": "cloud-run"}),
        ({"datastore": "sql"}, {"datastore": "firestore", "python_version": "3.12"}),
        ({"datastore": "firestore", "deploy": "cloud-run"}, {"datastore": "none"}),
        ({}, {"project_slug": "other", "author_name": "Ada \U0001f980"}),
    ],
)
def test_with_other_answers_a_project_equals_a_new_one_with_these_answers(
    template: Path, tmp_path: Path, before: dict[str, str], changed: dict[str, str]
) -> None:
    project = create(template, **before)
    update(project, **changed)
    followed, noted = files(project), context(project)
    shutil.rmtree(project)
    slug = {"project_slug": "my-flask-api"} | changed
    given = ["--default-config", "--no-input", f"--extra-context={json.dumps(before | slug)}"]
    run("cruft", "create", *given, template, cwd=tmp_path)
    fresh = tmp_path / slug["project_slug"]
    git(fresh, "init", "--quiet")
    assert followed == files(fresh)
    assert noted == context(fresh)


@pytest.mark.thorough
def test_an_update_adds_and_changes_a_model_byte_for_byte(template: Path) -> None:
    project, model = create(template), Path("model/model.onnx")
    update(project, model="onnx")
    assert (project / model).read_bytes() == (PROJECT / model).read_bytes()
    commit(project, "Have a model")
    other = bytes(range(256)) * 9 + b"\r\n{{ cookiecutter.x }}\n# % if x\n"
    (template / PROJECT.name / model).write_bytes(other)
    commit(template, "Train again")
    update(project)
    assert (project / model).read_bytes() == other
    assert cruft(project, "diff") == ""
    commit(project, "Follow")
    update(project, model="none")
    assert not (project / model).exists()


@pytest.mark.thorough
def test_an_update_replaces_the_private_variables(template: Path) -> None:
    """`_files` is replaced, too. cruft's option `--refresh-private-variables` is not needed."""
    project = create(template)
    questions = template / "cookiecutter.json"
    removed = '"paths": ["api/greetings.py", "tests/test_greetings.py"]'
    replace(questions, removed, removed.replace("]", ', "api/new.py"]'))
    replace(questions, '"__account": "', '"__new": "{{ cookiecutter.license }}",\n  "__account": "')
    (template / PROJECT.name / "api/new.py").write_text('"""New."""\n', encoding="utf-8")
    commit(template, "Have a file for some answers")
    update(project)
    assert (project / "api/new.py").exists()
    assert context(project)["__new"] == "MIT"
    assert "api/new.py" in context(project)["_files"][0]["paths"]
    commit(project, "Update")
    update(project, datastore="sql")
    assert not (project / "api/new.py").exists()


@pytest.mark.thorough
def test_a_new_question_has_its_default_in_a_project_that_was_not_asked(template: Path) -> None:
    project = create(template)
    replace(template / "cookiecutter.json", '"run_tests"', '"queue": ["no", "yes"],\n  "run_tests"')
    readme = template / PROJECT.name / "README.md"
    append(readme, "{% if cookiecutter.queue == 'yes' %}\nA queue.\n{%- endif %}\n")
    commit(template, "Ask for a queue")
    update(project)
    assert context(project)["queue"] == "no"
    assert "A queue." not in (project / "README.md").read_text(encoding="utf-8")
    commit(project, "Update")
    update(project, queue="yes")
    assert "A queue." in (project / "README.md").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_a_line_that_both_changed_is_a_conflict_with_both_versions(template: Path) -> None:
    project = create(template)
    replace(project / "README.md", TYPED, "Our API: typed requests and responses")
    commit(project, "Live")
    move_on(template)
    printed = update(project)
    assert "Applied patch to 'README.md' with conflicts." in printed
    assert "UU README.md" in git(project, "status", "--short")
    readme = (project / "README.md").read_text(encoding="utf-8")
    conflict = re.findall(r"^<<<<<<< ours\n(.*?)=======\n(.*?)>>>>>>> theirs$", readme, re.S | re.M)
    ((ours, theirs),) = conflict
    assert ours.startswith("Our API: typed requests and responses")
    assert theirs.startswith("A Flask API: typed requests and typed responses")
    assert (project / ".editorconfig").read_bytes().endswith(b"max_line_length = 110\n")


@pytest.mark.thorough
def test_without_the_rendered_file_in_git_a_conflict_is_in_a_rej_file(
    template: Path,
) -> None:
    """After edits before the first commit, git has no third version to merge with."""
    project = create(template)
    replace(project / "README.md", TYPED, "Our API: typed requests and responses")
    shutil.rmtree(project / ".git")
    git(project, "init", "--quiet")
    commit(project, "Render and edit")
    move_on(template)
    assert "may have *.rej files" in update(project)
    assert "Our API" in (project / "README.md").read_text(encoding="utf-8")
    assert "typed responses" in (project / "README.md.rej").read_text(encoding="utf-8")
    assert (project / ".editorconfig").read_bytes().endswith(b"max_line_length = 110\n")


class Case(NamedTuple):
    """The changes of the owner and of an update, and the conflicts that cruft leaves."""

    appended: dict[str, str] = {}  # to files of the template, and to new files
    replaced: dict[str, str] = {}  # in README.md: the line that the update changes too
    answers: dict[str, str] = {}
    status: set[str] = set()  # of conflicts
    unchanged: set[str] = set()  # files that cruft does not update; an `error:` names them
    moved: dict[str, str] = {}


OURS = "# Ours.\n"
TWICE = {TYPED: "Our API: typed requests and responses"}
NEW = {"bin/new.sh": OURS}
REMOVED = {".editorconfig": OURS}
CASES = {
    "untouched": Case(),
    "edited": Case({"Makefile": OURS, "README.md": OURS}),
    "resource added": Case({"api/quotes.py": OURS, "api/__init__.py": OURS}),
    "answer changed": Case({"api/settings.py": OURS}, answers={"datastore": "sql"}),
    "same line changed": Case(replaced=TWICE, status={"UU README.md"}),
    "own file, and the template adds it": Case(NEW, status={"AA bin/new.sh"}),
    "own file, and an answer adds it": Case(
        {"chassis/ready.py": OURS}, answers={"datastore": "sql"}, status={"AA chassis/ready.py"}
    ),
    "file moved": Case({"docs/server.md": OURS}, moved={"docs/server.md": "docs/worker.md"}),
    "file removed": Case(REMOVED, unchanged={".editorconfig"}),
    "file removed by an answer": Case(
        {"api/greetings.py": OURS}, answers={"datastore": "sql"}, unchanged={"api/greetings.py"}
    ),
    "file removed, and the same line changed": Case(
        REMOVED, TWICE, status={"?? README.md.rej"}, unchanged={".editorconfig"}
    ),
    "file removed, and own file": Case(REMOVED | NEW, unchanged={".editorconfig", "bin/new.sh"}),
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Render one project with cruft, and link another to the template; then change the template."""
    template = copy(tmp_path_factory.mktemp("moving") / "template")
    projects = {"created": create(template)}
    run("cookiecutter", *OPTIONS, "-o", "linked", template, cwd=template.parent)
    projects["linked"] = template.parent / "linked/my-flask-api"
    git(projects["linked"], "init", "--quiet")
    commit(projects["linked"], "Render")
    git(template, "tag", "rendered")
    source = template / PROJECT.name
    move_on(template)
    (source / "docs/server.md").rename(source / "docs/worker.md")
    (source / ".editorconfig").unlink()
    commit(template, "Move and remove files")
    cruft(projects["linked"], "link", *OPTIONS, "--checkout=rendered", str(template))
    assert cruft(projects["linked"], "diff") == ""
    commit(projects["linked"], "Link")
    return projects


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rendered_by", "case"), [*itertools.product(("created", "linked"), CASES)]
)
def test_after_an_update_the_pages_explain_each_conflict(
    rendered: dict[str, Path], tmp_path: Path, rendered_by: str, case: str
) -> None:
    appended, replaced, answers, status, unchanged, moved = CASES[case]
    project = shutil.copytree(rendered[rendered_by], tmp_path / "project", symlinks=True)
    for old, new in replaced.items():
        replace(project / "README.md", old, new)
    for path, text in appended.items():
        append(project / path, text)
    if appended or replaced:
        commit(project, "Live")
    printed = update(project, **answers)

    # git and cruft show each conflict. docs/use.md and the project's docs/updates.md explain it.
    found = git(project, "status", "--short", "--untracked-files=all").splitlines()
    assert {line for line in found if "U" in line[:2] or "AA" in line or ".rej" in line} == status
    assert ("may have *.rej files" in printed) == bool(unchanged)
    for path in unchanged:
        assert re.search(f"^error: {re.escape(path)}: ", printed, re.MULTILINE)
        assert (project / path).read_text(encoding="utf-8").endswith(OURS)
    for page in (TEMPLATE / "docs/use.md", rendered["created"] / "docs/updates.md"):
        explained = page.read_text(encoding="utf-8")
        for line in status:
            assert f"| `{line[:2]} path{'.rej' if '.rej' in line else ''}` |" in explained

    # After the conflicts are resolved, the files have the owner's and the template's changes.
    for line in status:
        resolve(project, *line.split())
    commit(project, "Update")
    assert not any((project / path).exists() for path in moved)
    for path in appended:
        text = (project / moved.get(path, path)).read_text(encoding="utf-8")
        assert OURS in text
        assert not re.search("^(<<<<<<<|=======|>>>>>>>)", text, re.MULTILINE)
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert all(text in readme for text in replaced.values())
    assert "typed requests and typed responses" in readme
    assert "SUCCESS" in cruft(project, "check")
    if "bin/new.sh" in unchanged:
        assert "new.sh" in cruft(project, "diff")


def resolve(project: Path, mark: str, path: str) -> None:
    """Follow the pages' instructions for a line of `git status --short`."""
    file = project / path
    text = file.read_text(encoding="utf-8")
    if mark == "??":
        added = re.findall(r"^\+(.*\n)", text, re.MULTILINE)
        append(file.with_suffix(""), "".join(added))
        file.unlink()
        return
    assert OURS in text or "Our API" in text
    if mark == "AA":
        git(project, "checkout", "--theirs", path)
        assert OURS not in file.read_text(encoding="utf-8")
        git(project, "checkout", "--ours", path)
        assert file.read_text(encoding="utf-8") == OURS
        file.write_text(text, encoding="utf-8")
    file.write_text(
        re.sub("^(<<<<<<<|=======|>>>>>>>).*\n", "", text, flags=re.M), encoding="utf-8"
    )


@pytest.mark.thorough
def test_an_update_uses_the_named_version(template: Path) -> None:
    project = create(template)
    move_on(template)
    git(template, "tag", "v1.2.0")
    append(template / PROJECT.name / ".editorconfig", "# Not yet.\n")
    commit(template, "Go on")
    cruft(project, "update", "--skip-apply-ask", "--checkout", "v1.2.0")
    assert (project / ".editorconfig").read_bytes().endswith(b"max_line_length = 110\n")
    assert "SUCCESS" in cruft(project, "check", "--checkout", "v1.2.0")


LOCKS = ["develop.txt", "common.txt"]


def grow_old(template: Path) -> str:
    """Commit lock files with an older click; return the version in the current ones."""
    lock = (template / "templates/requirements.jinja").read_text(encoding="utf-8")
    (present,) = re.findall(r"^click==(\S+)", lock, re.MULTILINE)
    command = [sys.executable, "-m", "tools.locks", "--upgrade-package", f"click<{present}"]
    run(*command, cwd=template)
    commit(template, "Be older")
    return present


def move_far_on(template: Path) -> None:
    """Change the template in files that the owner changed too; restore the current lock files."""
    git(template, "revert", "--no-edit", "HEAD")
    old = "Report that the process is up. Its dependencies are not checked."
    for path in [template / PROJECT.name / "chassis/probes.py", *template.glob("templates/docs/*")]:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, "Report that it is up."), encoding="utf-8")
    factory = template / PROJECT.name / "api/__init__.py"
    replace(factory, "Where your code goes:", "Your code goes here:")
    move_on(template)


@pytest.mark.thorough
@pytest.mark.parametrize("datastore", ["none", "sql"])
def test_an_edited_project_can_be_updated(template: Path, bake: Bake, datastore: str) -> None:
    present = grow_old(template)
    project = create(template, datastore=datastore)
    add_the_resource(project)
    replace(project / "README.md", "## Run it", "## Run it, please")
    commit(project, "Live")
    lived = git(project, "diff", "HEAD~1", "--name-only").splitlines()
    assert {"api/__init__.py", "docs/swagger.yaml", "README.md"} < set(lived)
    move_far_on(template)
    update(project)
    assert "SUCCESS" in cruft(project, "check")
    assert "## Run it, please" in (project / "README.md").read_text(encoding="utf-8")
    for lock in LOCKS:
        locked = bake(datastore=datastore) / "requirements" / lock
        assert (project / "requirements" / lock).read_bytes() == locked.read_bytes()
    assert "passed" in run("make", "lint", "test", cwd=project, **OWN_TESTS)
    version = "import importlib.metadata as m; print(m.version('click'))"
    assert run(project / ".venv/bin/python", "-c", version, cwd=project).strip() == present
    git(project, "add", "--all")
    run("make", "docs", "format", cwd=project)
    assert git(project, "diff", "--name-only") == ""


@pytest.mark.thorough
def test_an_edited_project_can_get_another_answer(template: Path) -> None:
    """The owner's lines are next to those of the removed example, so git reports a conflict."""
    project = create(template)
    add_the_resource(project)
    replace(project / "README.md", "## Run it", "## Run it, please")
    commit(project, "Live")
    update(project, datastore="sql")
    asked = re.findall("^(?:UU|AA) (.*)$", git(project, "status", "--short"), re.MULTILINE)
    assert set(asked) <= {"api/__init__.py", "docs/swagger.yaml"}
    assert "## Run it, please" in (project / "README.md").read_text(encoding="utf-8")
    assert (project / "api/quotes.py").exists()
    assert (project / "api/items/sql.py").exists()
    assert not (project / "api/greetings.py").exists()

    factory = project / "api/__init__.py"
    code = re.sub("^(<<<<<<<|=======|>>>>>>>).*\n", "", factory.read_text("utf-8"), flags=re.M)
    factory.write_text(re.sub("^.*greetings.*\n", "", code, flags=re.M), encoding="utf-8")
    assert "passed" in run("make", "format", "docs", "lint", "test", cwd=project, **OWN_TESTS)
    document = (project / "docs/swagger.yaml").read_text(encoding="utf-8")
    assert "/api/v1/quotes/{country}:" in document
    assert "/api/v1/items:" in document


@pytest.mark.thorough
def test_requirements_that_both_changed_are_locked_again(template: Path) -> None:
    """The commands are in the project's docs/updates.md."""
    grow_old(template)
    project = create(template)
    older = version_of_click(project)
    append(project / "requirements/common.in", f"click<{older}\n")
    run("make", "lock", "UPGRADE=", cwd=project)
    chosen = version_of_click(project)
    commit(project, "Hold a package back")
    move_far_on(template)
    assert "Applied patch to 'requirements/common.txt' with conflicts." in update(project)
    page = (project / "docs/updates.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(git checkout --theirs .*?)```", page, re.DOTALL)
    run("sh", "-ec", commands, cwd=project)
    for lock in LOCKS:
        text = (project / "requirements" / lock).read_text(encoding="utf-8")
        assert not re.search("<<<<|>>>>|====", text)
    assert version_of_click(project) == chosen != older
    assert "passed" in run("make", "lint", "test", cwd=project, **OWN_TESTS)


def version_of_click(project: Path) -> str:
    text = (project / "requirements/common.txt").read_text(encoding="utf-8")
    return re.findall(r"^click==(\S+)", text, re.MULTILINE)[0]
