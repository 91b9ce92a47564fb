"""The template's repository itself."""

import re
import shutil
from pathlib import Path

import pytest

from tests.projects.test_ci import database
from tests.rendering.checks import BINARY, READERS
from tests.support.machine import run
from tools.conditions import JINJA
from tools.listings import listed
from tools.lock_template import FILES
from tools.locks import LOCK, split
from tools.variants import PROJECT, QUESTIONS, TEMPLATE, allowed, distinct, every


def test_every_file_of_the_template_is_valid_in_its_own_language_before_rendering() -> None:
    for path in filter(Path.is_file, PROJECT.rglob("*.*")):
        if path.suffix not in BINARY:
            READERS.get(path.suffix, str)(path.read_text(encoding="utf-8"))
    for script in PROJECT.rglob("*.sh"):
        run("sh", "-n", script, cwd=TEMPLATE)
    assert "Run the tests" in run("make", "help", cwd=PROJECT)


def test_the_page_of_the_questions_names_each_with_its_default_and_answers() -> None:
    page = (TEMPLATE / "docs/answers.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == [name for name in QUESTIONS if not name.startswith("_")]
    for question, default, answers in rows:
        if isinstance(QUESTIONS[question], list):
            assert default == QUESTIONS[question][0]
            assert answers.startswith(", ".join(QUESTIONS[question]))


def test_the_readme_has_the_choices_in_their_order_with_every_answer() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| \*\*(\S+?)\*\*, ([^|]*) \|", readme, re.MULTILINE)
    choices = {name: given for name, given in QUESTIONS.items() if isinstance(given, list)}
    asked = {name: given for name, given in choices.items() if not name.startswith("_")}
    assert {name: [first, *rest.split(", ")] for name, first, rest in rows} == asked
    assert [name for name, *_ in rows] == [*asked]


def test_the_readme_is_read_in_two_screens() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    assert len(readme.split()) < 900
    assert len(readme.splitlines()) <= 110


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/answers.md", "docs/use.md"]
)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: str) -> None:
    text = (TEMPLATE / page).read_text(encoding="utf-8")
    for path, _, heading in re.findall(r"\]\((?!https?:)([^)#]*)(#?)([^)]*)\)", text):
        target = (TEMPLATE / page).parent / path if path else TEMPLATE / page
        assert target.exists(), path
        if heading:
            titles = re.findall("^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert heading in slugs


def test_the_pages_list_every_file_that_is_rendered_and_no_other() -> None:
    page = (TEMPLATE / "docs/answers.md").read_text(encoding="utf-8")
    texts = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    named = re.findall(r"^(\S+)  ", "".join(texts), re.MULTILINE)
    rendered = {path for answers in every() for path in listed(answers)}
    for path in named:
        assert path in rendered or path.endswith("/") and (PROJECT / path).is_dir(), path
    for path in rendered:
        assert any(path == name or name[-1] == "/" and path.startswith(name) for name in named), (
            path
        )


def test_the_changelog_names_every_question_and_answer() -> None:
    changelog = (TEMPLATE / "CHANGELOG.md").read_text(encoding="utf-8")
    for question, given in QUESTIONS.items():
        if not question.startswith("_"):
            for word in [question, *(given if isinstance(given, list) else [])]:
                assert f"`{word}`" in changelog, f"CHANGELOG.md does not name `{word}`"


def test_every_place_that_lists_the_pythons_lists_those_of_the_question() -> None:
    """The question's labels, docs/answers.md and the form on GitHub have tests of their own."""
    pythons = QUESTIONS["python_version"]
    for path, minimum in (
        (PROJECT / "pyproject.toml", r'requires-python = ">=(3\.\d+)"'),
        (PROJECT / "Makefile", r"Python (3\.\d+) or newer is needed"),
        (PROJECT / "Makefile", r"--python-version (3\.\d+)"),
        (PROJECT / "README.md", r"Python (3\.\d+) or newer"),
        (TEMPLATE / "Makefile", r"--python-version (3\.\d+)"),
        (TEMPLATE / "README.md", r"Python (3\.\d+) or newer"),
        (TEMPLATE / "docs/answers.md", r"locally, (3\.\d+) or newer"),
        (TEMPLATE / "tools/locks.py", r"--python-version=(3\.\d+)"),
    ):
        assert re.findall(minimum, path.read_text("utf-8"))[:1] == [pythons[-1]], path
    images = re.findall(r"docker-here (.*) postgres", (TEMPLATE / ".ci/run").read_text("utf-8"))
    assert sorted(images[0].split()) == sorted(pythons)


@pytest.mark.thorough
def test_every_locked_package_has_a_wheel_for_every_python(tmp_path: Path) -> None:
    """Projects that are refused with a Python version are left out."""
    lock = JINJA.from_string(LOCK.read_text("utf-8"))
    for version in QUESTIONS["python_version"]:
        packages: dict[str, str] = {}
        for answers in distinct():
            if allowed(answers | {"python_version": version}):
                for file in FILES:
                    packages |= split(lock.render(file=file, cookiecutter=answers))
        (tmp_path / "every.txt").write_text("".join(packages.values()), encoding="utf-8")
        wheels = ["--only-binary", ":all:", "--no-deps", "--python-version", version]
        command = ["uv", "pip", "compile", "-q", *wheels, "--python-platform", "linux"]
        run(*command, "every.txt", "-o", "found.txt", cwd=tmp_path)
        found = (tmp_path / "found.txt").read_text(encoding="utf-8")
        windows = "sys_platform == 'win32'"
        assert {*split(found)} == {name for name in packages if windows not in packages[name]}


@pytest.mark.parametrize("name", [path.stem for path in (TEMPLATE / "requirements").glob("*.in")])
def test_the_locked_requirements_satisfy_the_chosen_ones(tmp_path: Path, name: str) -> None:
    shutil.copytree(TEMPLATE / "requirements", tmp_path, dirs_exist_ok=True)
    lock = tmp_path / f"{name}.txt"
    locked = lock.read_text(encoding="utf-8")
    compile_ = run("make", "--silent", "--eval=echo: ; @echo '$(COMPILE)'", "echo", cwd=TEMPLATE)
    run("sh", "-ec", f"{compile_.strip()} {name}.in -o {name}.txt", cwd=tmp_path)
    assert lock.read_text(encoding="utf-8") == locked, "run `make lock`"


@pytest.mark.thorough
@pytest.mark.parametrize("package", ["google-cloud-firestore", "psycopg", "matplotlib"])
def test_make_audit_reads_the_locks_of_the_projects_and_the_template_s_own(
    tmp_path: Path, package: str
) -> None:
    with database(package) as url:
        own = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": url}
        with pytest.raises(AssertionError, match=rf"{package} +\S+ +TEST-1"):
            run("make", "audit", f"BUILD={tmp_path}", cwd=TEMPLATE, **own)
