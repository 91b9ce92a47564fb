"""tools/difference.py shows how a change of the template changes the projects."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.edits import append, replace
from tests.support.machine import run
from tests.support.repository import commit, git
from tools.variants import AXES, DEFAULTS, PROJECT, TEMPLATE, distinct

ROOT = ["cookiecutter.json", "hooks", "templates", "tools/difference.py", "tools/variants.py"]
SQL = f"{PROJECT.name}/api/items/sql.py"
LICENSE = "templates/licenses/MIT"
OTHERS = [question for question in distinct()[0] if question != "datastore"]
REST = "-".join(str(DEFAULTS[question]) for question in OTHERS)  # the end of a project's name


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a repository of the template's files; questions except `datastore` have one answer."""
    template = tmp_path / "template"
    for path in [*ROOT, PROJECT.name]:
        copy = shutil.copytree if (TEMPLATE / path).is_dir() else shutil.copy
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        copy(TEMPLATE / path, template / path)
    for question in OTHERS:
        line = f'"{question}": {{}}'.format
        given, kept = json.dumps(AXES[question]), json.dumps([DEFAULTS[question]])
        replace(template / "cookiecutter.json", line(given), line(kept))
    (template / ".gitignore").write_text("/build/\n")
    git(template, "init", "--quiet")
    commit(template, "Begin")
    return template


def difference(template: Path) -> tuple[str, dict[str, str]]:
    """Return the summary, and the patches by file name."""
    command = [sys.executable, "-m", "tools.difference", "HEAD", "build/difference"]
    summary = run(*command, cwd=template)
    patches = (template / "build/difference").iterdir()
    return summary, {path.name: path.read_text(encoding="utf-8") for path in patches}


@pytest.mark.thorough
def test_a_changed_line_shows_only_in_the_projects_that_contain_it(template: Path) -> None:
    append(template / SQL, "# changed\n")
    summary, patches = difference(template)
    assert summary.startswith(f"## 1 of 3 projects differ from HEAD's\n\n### sql-{REST}\n")
    assert " api/items/sql.py | 1 +\n" in re.sub(" +", " ", summary)
    assert "\n+# changed\n" in summary
    assert [*patches] == [f"sql-{REST}.patch"]
    assert patches[f"sql-{REST}.patch"] in summary


@pytest.mark.thorough
def test_a_patch_turns_the_old_project_into_the_new_one(template: Path) -> None:
    append(template / SQL, "# changed\n")
    append(template / f"{PROJECT.name}/docs/added.md", "added\n")
    (template / LICENSE).write_text("changed\n")
    difference(template)
    patch = template / f"build/difference/sql-{REST}.patch"
    render = ["cookiecutter", "--no-input", "--default-config", template, "datastore=sql"]
    run(*render, "deploy=container", "-o", template.parent / "now", cwd=template)
    git(template, "stash", "--quiet", "--include-untracked")
    run(*render, "deploy=container", "-o", template.parent / "before", cwd=template)
    git(template, "stash", "pop", "--quiet")
    git(template.parent / "before/my-flask-api", "apply", str(patch))
    assert run("diff", "-r", "before", "now", cwd=template.parent) == ""


@pytest.mark.thorough
def test_the_summary_reports_that_nothing_changed(template: Path) -> None:
    (template / "build/difference").mkdir(parents=True)
    (template / "build/difference/of-before.patch").touch()
    append(template / "tools/variants.py", "# not in a project\n")
    assert difference(template) == ("## None of 3 projects differ from HEAD's\n", {})


@pytest.mark.thorough
def test_a_patch_of_many_projects_is_shown_once(template: Path) -> None:
    (template / LICENSE).write_text("changed\n")
    summary, patches = difference(template)
    assert f"\n### none-{REST}, sql-{REST}, firestore-{REST}\n" in summary
    assert summary.count("\n+changed\n") == 1
    assert len(patches) == 3


@pytest.mark.thorough
def test_a_new_question_is_not_asked_of_the_old_template(template: Path) -> None:
    questions = template / "cookiecutter.json"
    replace(questions, '  "deploy": [', '  "colour": ["red", "blue"],\n  "deploy": [')
    append(template / SQL, '# % if cookiecutter.colour == "blue"\n# blue\n# % endif\n')
    summary, patches = difference(template)
    assert summary.startswith("## 1 of 6 projects differ from HEAD's\n")
    blue = REST.replace("container", "blue-container")
    assert [*patches] == [f"sql-{blue}.patch"]


@pytest.mark.thorough
def test_the_patch_for_a_new_answer_adds_every_file(template: Path) -> None:
    replace(template / "cookiecutter.json", '["container"]', '["container", "cloud-run"]')
    _, patches = difference(template)
    new = REST.replace("container", "cloud-run")
    assert sorted(patches) == [f"{name}-{new}.patch" for name in ("firestore", "none", "sql")]
    for patch in patches.values():
        assert "\n+++ b/wsgi.py\n" in patch
        assert not re.search(r"^-(?!-- /dev/null$)", patch, re.MULTILINE)


@pytest.mark.thorough
def test_a_removed_answer_is_named(template: Path) -> None:
    replace(template / "cookiecutter.json", '["none", "sql", "firestore"]', '["none"]')
    summary, _ = difference(template)
    assert summary == (
        "## None of 1 projects differ from HEAD's\n"
        "\nRemoved, and not compared: datastore=sql, datastore=firestore\n"
    )


@pytest.mark.thorough
def test_the_summary_is_cut_to_github_s_limit(template: Path) -> None:
    text = "".join(f"{number} é ``` 語\n" for number in range(100_000))
    append(template / f"{PROJECT.name}/docs/long.md", text)
    (template / f"{PROJECT.name}/api/items/long.md").write_text("for two datastores\n")
    summary, patches = difference(template)
    assert 800_000 < len(summary.encode()) < 2**20
    assert summary.count("\nThe rest is in ") == 2
    assert summary.count("</details>") == 2
    assert all(text.splitlines()[-1] in patch for patch in patches.values())


def test_a_base_that_is_no_commit_is_refused(template: Path) -> None:
    command = [sys.executable, "-m", "tools.difference", "no-such-commit"]
    with pytest.raises(
        AssertionError, match="difference: no-such-commit is not a commit in this clone"
    ):
        run(*command, cwd=template)
