"""The hooks, on copies of the template with one thing changed."""

import json
import shutil
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.support.machine import run
from tools.variants import PROJECT, QUESTIONS, TEMPLATE


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give a copy of the template, to change."""
    folder = tmp_path / "template"
    for part in ("hooks", "templates", PROJECT.name):
        shutil.copytree(TEMPLATE / part, folder / part)
    shutil.copy(TEMPLATE / "cookiecutter.json", folder)
    return folder


def change(template: Path, **questions: object) -> None:
    (template / "cookiecutter.json").write_text(json.dumps(QUESTIONS | questions))


FILES = [
    {"paths": ["api/queue.py", "worker"], "only": {"queue": ["redis", "sqs"]}},
    {"paths": ["api/sqs.py"], "only": {"queue": ["sqs"], "license": ["MIT"]}},
]


@pytest.mark.parametrize(
    ("answers", "there"),
    [
        ({"queue": "none"}, set()),
        ({"queue": "redis"}, {"api/queue.py", "worker/deep/run.py"}),
        ({"queue": "sqs"}, {"api/queue.py", "worker/deep/run.py", "api/sqs.py"}),
        ({"queue": "sqs", "license": "Proprietary"}, {"api/queue.py", "worker/deep/run.py"}),
    ],
)
def test_a_file_is_there_if_every_question_it_names_has_one_of_its_answers(
    cookies: Cookies, template: Path, answers: dict[str, str], there: set[str]
) -> None:
    change(template, queue=["none", "redis", "sqs"], _files=FILES)
    every = ["api/queue.py", "worker/deep/run.py", "api/sqs.py"]
    for path in every:
        file = template / PROJECT.name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('"""Nothing."""\n')
    project = cookies.bake(answers, template=str(template)).project_path
    assert {path for path in every if (project / path).exists()} == there
    assert (project / "worker").exists() == ("worker/deep/run.py" in there)


def test_a_folder_that_is_left_empty_goes_with_its_last_file(
    cookies: Cookies, template: Path
) -> None:
    change(
        template,
        queue=["none", "sqs"],
        _files=[{"paths": ["a/b/c.txt"], "only": {"queue": ["sqs"]}}],
    )
    folder = template / PROJECT.name / "a/b"
    folder.mkdir(parents=True)
    (folder / "c.txt").write_text("c\n")
    assert not (cookies.bake(template=str(template)).project_path / "a").exists()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("api/broken.py", "def f(:\n"),
        ("broken.toml", "a = [\n"),
        ("broken.yaml", "a: [\n"),
        ("broken.json", "{\n"),
        ("broken.txt", "a\n{% raw %}{{ cookiecutter.project_name }}{% endraw %}\n"),
        ("broken.cfg", "a\n{{ '# %' }} if cookiecutter.license\n"),
    ],
)
def test_a_file_that_is_rendered_wrongly_stops_the_rendering(
    cookies: Cookies, template: Path, capfd: pytest.CaptureFixture[str], path: str, text: str
) -> None:
    (template / PROJECT.name / path).write_text(text)
    assert cookies.bake(template=str(template)).exception
    assert f"{path} was rendered wrongly (please report it): " in capfd.readouterr().err


def test_a_condition_is_a_comment(cookies: Cookies, template: Path) -> None:
    (template / PROJECT.name / "some.cfg").write_text(
        'a = 1\n# % if cookiecutter.license == "MIT"\nb = 2\n# % else\nb = 3\n# % endif\nc = 4\n'
    )
    for license_, b in (("MIT", 2), ("Proprietary", 3)):
        project = cookies.bake({"license": license_}, template=str(template)).project_path
        assert (project / "some.cfg").read_text() == f"a = 1\nb = {b}\nc = 4\n"


def test_line_endings_are_the_same_wherever_it_is_rendered(
    cookies: Cookies, template: Path
) -> None:
    (template / PROJECT.name / "some.cfg").write_bytes(b"a = 1\r\nb = 2\r\n")
    project = cookies.bake(template=str(template)).project_path
    assert (project / "some.cfg").read_bytes() == b"a = 1\nb = 2\n"


def test_the_table_of_files_names_questions_answers_and_files_that_there_are() -> None:
    for entry in QUESTIONS["_files"]:
        for question, answers in entry["only"].items():
            assert set(answers) < set(QUESTIONS[question])
        for path in entry["paths"]:
            assert (PROJECT / path).exists(), path


def test_what_a_person_has_put_into_the_folder_is_none_of_the_hook_s_business(
    tmp_path: Path,
) -> None:
    """`--overwrite-if-exists`, into a project that has a life of its own."""
    project = tmp_path / "my-flask-api"
    theirs = {
        ".git/config.py": b"def f(:",
        ".venv/lib/broken.py": b"def f(:",
        "api/templates/page.html": b"{% if user %}{{ user }}{% endif %}",
        "picture.png": b"\x89PNG\xff",
        "kubernetes.yaml": b"a: 1\n---\nb: {{ c }}\n",
    }
    for path, content in theirs.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(content)
    command = ["cookiecutter", "--no-input", "--default-config", "--overwrite-if-exists"]
    run(*command, TEMPLATE, cwd=tmp_path, HOME=str(tmp_path))
    for path, content in theirs.items():
        assert (project / path).read_bytes() == content


def have_one_test(template: Path, code: str) -> None:
    """Have the project one test, in the place of its own."""
    tests = template / PROJECT.name / "tests"
    shutil.rmtree(tests)
    tests.mkdir()
    (tests / "test_one.py").write_text(code)
    change(template, _files=[])


def test_run_tests_runs_the_project_s_tests(
    cookies: Cookies, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    have_one_test(template, "def test_one() -> None: ...\n")
    project = cookies.bake({"run_tests": True}, template=str(template)).project_path
    assert (project / ".venv").is_dir()
    assert "Installing the project and running its tests" in capfd.readouterr().out


def test_run_tests_stops_the_rendering_when_they_fail(
    cookies: Cookies, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    have_one_test(template, "def test_that_fails() -> None:\n    assert 1 == 2\n")
    assert cookies.bake({"run_tests": True}, template=str(template)).exception
    err = capfd.readouterr().err
    assert "test_that_fails" in err
    assert "run_tests: `make test` failed in the rendered project, see above" in err
