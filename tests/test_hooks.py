"""The hooks, on copies of the template with one thing changed."""

import json
import shutil
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from pytest_cookies.plugin import Cookies

from .variants import QUESTIONS, TEMPLATE

PROJECT = "{{cookiecutter.project_slug}}"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give a copy of the template, to change."""
    folder = tmp_path / "template"
    for part in ("hooks", "templates", PROJECT):
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
        file = template / PROJECT / path
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
    folder = template / PROJECT / "a/b"
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
    (template / PROJECT / path).write_text(text)
    assert cookies.bake(template=str(template)).exception
    assert f"{path} was rendered wrongly (please report it): " in capfd.readouterr().err


def test_the_table_of_files_names_questions_answers_and_files_that_there_are() -> None:
    for entry in QUESTIONS["_files"]:
        for question, answers in entry["only"].items():
            assert set(answers) < set(QUESTIONS[question])
        for path in entry["paths"]:
            assert (TEMPLATE / PROJECT / path).exists(), path


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
    }
    for path, content in theirs.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_bytes(content)
    cookiecutter(
        str(TEMPLATE),
        no_input=True,
        default_config=True,
        overwrite_if_exists=True,
        output_dir=tmp_path,
    )
    for path, content in theirs.items():
        assert (project / path).read_bytes() == content


def test_run_tests_runs_the_project_s_tests(
    cookies: Cookies, capfd: pytest.CaptureFixture[str]
) -> None:
    project = cookies.bake({"run_tests": True}).project_path
    assert (project / ".venv").is_dir()
    assert "Installing the project and running its tests" in capfd.readouterr().out


def test_run_tests_stops_the_rendering_when_they_fail(
    cookies: Cookies, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    test = template / PROJECT / "tests" / "test_health.py"
    test.write_text("def test_that_fails() -> None:\n    assert 1 == 2\n")
    assert cookies.bake({"run_tests": True}, template=str(template)).exception
    err = capfd.readouterr().err
    assert "test_that_fails" in err
    assert "run_tests: `make test` failed in the rendered project, see above" in err
