"""The hooks, on copies of the template with one thing changed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from pytest_cookies.plugin import Cookies

from tests.conftest import Bake
from tests.rendering.checks import texts
from tests.support.edits import replace
from tests.support.machine import environment, missing, run
from tests.support.repository import commit, copy, git
from tools.listings import listed
from tools.variants import AXES, DEFAULTS, PROJECT, QUESTIONS, TEMPLATE


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a copy of the template for the test to change."""
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
def test_a_file_is_rendered_if_every_question_in_only_has_a_listed_answer(
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


def test_an_empty_folder_is_removed_with_its_last_file(cookies: Cookies, template: Path) -> None:
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


def test_line_endings_are_the_same_on_every_system(cookies: Cookies, template: Path) -> None:
    (template / PROJECT.name / "some.cfg").write_bytes(b"a = 1\r\nb = 2\r\n")
    project = cookies.bake(template=str(template)).project_path
    assert (project / "some.cfg").read_bytes() == b"a = 1\nb = 2\n"


def test_the_table_of_files_names_existing_questions_answers_and_files() -> None:
    for entry in QUESTIONS["_files"]:
        for question, answers in entry["only"].items():
            assert set(answers) < set(AXES[question])
        special = [q for q, answers in entry["only"].items() if DEFAULTS[q] not in answers]
        assert len(special) <= 2, "tools/listings.py lists answers and pairs of them"
        for path in entry["paths"]:
            assert (PROJECT / path).exists(), path


THEIRS = {
    ".git/config.py": b"def f(:",
    ".venv/lib/broken.py": b"def f(:",
    "api/templates/page.html": b"{% if user %}{{ user }}{% endif %}",
    "api/items/mine.py": b"MINE = True\n",
    "migrations/versions/mine.py": b"MINE = True\n",
    "picture.png": b"\x89PNG\xff",
    "kubernetes.yaml": b"a: 1\n---\nb: {{ c }}\n",
}


def render_over(
    tmp_path: Path, theirs: dict[str, bytes], *options: str, answers: Sequence[str] = ()
) -> tuple[int, str]:
    """Render into a folder with existing files; return the exit status and stderr."""
    for path, content in theirs.items():
        (tmp_path / "my-flask-api" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "my-flask-api" / path).write_bytes(content)
    command = ["cookiecutter", "--no-input", "--default-config", "--overwrite-if-exists", *options]
    own = environment(HOME=str(tmp_path), PWD=str(tmp_path))
    done = subprocess.run(
        [*command, TEMPLATE, *answers], cwd=tmp_path, env=own, text=True, capture_output=True
    )
    return done.returncode, done.stderr


def test_existing_files_are_kept(
    tmp_path: Path,
) -> None:
    """This includes files in migrations/, the folder of an answer that was not chosen."""
    assert render_over(tmp_path, THEIRS)[0] == 0
    for path, content in THEIRS.items():
        assert (tmp_path / "my-flask-api" / path).read_bytes() == content
    assert (tmp_path / "my-flask-api/api/greetings.py").exists()
    assert not (tmp_path / "my-flask-api/migrations/env.py").exists()


@pytest.mark.parametrize("options", [[], ["--skip-if-file-exists"]], ids=["overwrite", "skip"])
@pytest.mark.parametrize(
    "path",
    ["README.md", ".github/workflows/ci.yml", "migrations/env.py", "chassis/ready.py"],
)
def test_a_file_that_rendering_would_overwrite_or_remove_stops_it(
    tmp_path: Path, path: str, options: list[str]
) -> None:
    theirs = {path: b"Mine.\n", "notes.txt": b"Mine.\n"}
    status, said = render_over(tmp_path, theirs, *options)
    assert status != 0
    fault = f"my-flask-api: this folder has files that rendering would overwrite or remove: {path}."
    assert said.startswith(f"{fault} Update a project with `cruft update`, or ")
    there = [p for p in (tmp_path / "my-flask-api").rglob("*") if p.is_file()]
    assert {p.relative_to(tmp_path / "my-flask-api").as_posix() for p in there} == {*theirs}
    assert {p.read_bytes() for p in there} == {b"Mine.\n"}


@pytest.mark.parametrize(
    ("path", "target"),
    [("api", None), ("migrations", None), ("migrations", "../other"), ("api", "..")],
)
def test_a_file_or_a_link_in_the_place_of_a_folder_stops_the_rendering(
    tmp_path: Path, path: str, target: str | None
) -> None:
    """A link to a folder would be removed, or followed to write elsewhere."""
    (tmp_path / "other").mkdir()
    (tmp_path / "my-flask-api").mkdir()
    there = tmp_path / "my-flask-api" / path
    there.symlink_to(target) if target else there.write_text("Mine.\n")
    status, said = render_over(tmp_path, {})
    assert status != 0
    assert f"would overwrite or remove: {path}. Update" in said
    assert [path.name for path in (tmp_path / "my-flask-api").iterdir()] == [there.name]
    assert list((tmp_path / "other").iterdir()) == []
    assert there.is_symlink() == bool(target)


def test_run_tests_refuses_to_replace_an_existing_environment(tmp_path: Path) -> None:
    theirs = {".venv/lib/mine.py": b"MINE = True\n"}
    status, said = render_over(tmp_path, theirs, answers=["run_tests=true"])
    assert (status, "would overwrite or remove: .venv." in said) == (1, True)
    assert (tmp_path / "my-flask-api/.venv/lib/mine.py").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("near", [PROJECT.name, "cookiecutter.project_slug"])
def test_a_folder_that_looks_like_the_template_is_not_mistaken_for_it(
    tmp_path: Path, near: str, bake: Bake
) -> None:
    """With cruft the hooks do not know the template's folder."""
    template = copy(tmp_path / "template")
    (tmp_path / near).mkdir()
    command = ["cruft", "create", "--no-input", "--default-config", template]
    run(*command, cwd=tmp_path, PWD=str(tmp_path))
    project = tmp_path / "my-flask-api"
    assert set(texts(project)) == set(texts(bake())) | {".cruft.json"}
    (project / "README.md").write_text("Mine.\n")
    with pytest.raises(AssertionError, match="would overwrite or remove: "):
        run(*command, "--overwrite-if-exists", cwd=tmp_path, PWD=str(tmp_path))
    assert (project / "README.md").read_text() == "Mine.\n"


@pytest.mark.parametrize("cache", ["__pycache__/a.pyc", "api/.ruff_cache/0", ".venv/page.html"])
def test_a_cache_in_the_template_is_named_and_not_rendered(
    cookies: Cookies, template: Path, capfd: pytest.CaptureFixture[str], cache: str
) -> None:
    (template / PROJECT.name / cache).parent.mkdir()
    (template / PROJECT.name / cache).write_bytes(b"{% trans %}\xff")
    assert cookies.bake(template=str(template)).exception
    assert f"{Path(cache).parent}: remove this first" in capfd.readouterr().err


def test_rendering_inside_the_template_is_refused(template: Path) -> None:
    inside = template / PROJECT.name
    command = ["cookiecutter", "--no-input", "--default-config", ".."]
    with pytest.raises(
        AssertionError, match="this folder is in the template; render somewhere else"
    ):
        run(*command, cwd=inside, PWD=str(inside))
    assert not (inside / "my-flask-api").exists()


def test_cruft_renders_into_no_folder_with_files(tmp_path: Path) -> None:
    """cruft does not pass the template's path, so the hook cannot compare the files."""
    template = copy(tmp_path / "template")
    (tmp_path / "my-flask-api").mkdir()
    (tmp_path / "my-flask-api/notes.txt").write_text("Mine.\n")
    command = ["cruft", "create", "--no-input", "--default-config", "--overwrite-if-exists"]
    with pytest.raises(AssertionError, match=r"would overwrite or remove: notes\.txt\."):
        run(*command, template, cwd=tmp_path, PWD=str(tmp_path))
    assert [path.name for path in (tmp_path / "my-flask-api").iterdir()] == ["notes.txt"]


def have_one_test(template: Path, code: str) -> None:
    """Replace the project's tests with one test."""
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


@pytest.mark.thorough
def test_run_tests_keeps_the_project_after_a_failure_and_prints_the_command_to_repeat(
    cookies: Cookies, template: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    have_one_test(template, "def test_that_fails() -> None:\n    assert 1 == 2\n")
    project = cookies.bake({"run_tests": True}, template=str(template)).project_path
    err = capfd.readouterr().err
    assert "test_that_fails" in err
    assert (
        "run_tests: the tests failed (above). The project is kept. To repeat the tests, run:\n"
        in err
    )
    (command,) = re.findall(r"^    (cd .* && make test PYTHON=\S+)$", err, re.MULTILINE)
    with pytest.raises(AssertionError, match="test_that_fails"):
        run("sh", "-ec", command, cwd=project.parent)


@pytest.mark.thorough
def test_run_tests_uses_the_python_that_renders(
    cookies: Cookies, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "old/python3").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/old:{os.environ['PATH']}")
    have_one_test(template, "def test_one() -> None: ...\n")
    project = cookies.bake({"run_tests": True}, template=str(template)).project_path
    version = run(project / ".venv/bin/python", "--version", cwd=project).split()[1]
    assert version == "{}.{}.{}".format(*sys.version_info)


# --- a rendering that is interrupted, or fails

SLEEP = "__import__('pathlib').Path('MARK').touch(); __import__('time').sleep(60)"
LOOP = "{% for a in range(99999) %}"
# Where the rendering pauses: a file of the template, a text in it, and its replacement.
PAUSES = {
    "before": ("hooks/pre_gen_project.py", "refuse(unsupported())", SLEEP),
    "during": (
        f"{PROJECT.name}/gunicorn.conf.py",
        "import os",
        f"{LOOP}{LOOP}{{% endfor %}}{{% endfor %}}",
    ),
    "after": ("hooks/post_gen_project.py", "    finish()", f"    {SLEEP}"),
    "tests": (
        f"{PROJECT.name}/Makefile",
        "test: develop ## Run the tests\n\t.venv/bin/pytest",
        "test:\n\ttouch MARK; sleep 60",
    ),
}
UNFINISHED = "RENDERING-UNFINISHED.txt"


class Interruption:
    """Render a copy of the template that pauses, and interrupt it there."""

    def __init__(self, template: Path) -> None:
        self.template, self.folder = template, template.parent / "work"
        self.project, self.mark = self.folder / "my-flask-api", template.parent / "mark"
        self.folder.mkdir()

    def pause(self, moment: str) -> None:
        path, old, new = PAUSES[moment]
        replace(self.template / path, old, new.replace("MARK", str(self.mark)))
        if moment == "during":
            self.mark = self.project / "compose.yaml"  # is rendered before gunicorn.conf.py

    def command(self, tool: str, **answers: str) -> list[str | Path]:
        if tool == "cookiecutter":
            given = [f"{question}={answer}" for question, answer in answers.items()]
            return ["cookiecutter", *OPTIONS, self.template, *given]
        git(self.template, "init", "--quiet")
        commit(self.template, "The template")
        return [
            "cruft",
            "create",
            *OPTIONS,
            f"--extra-context={json.dumps(answers)}",
            self.template,
        ]

    def interrupt(self, number: int, tool: str = "cookiecutter", **answers: str) -> str:
        """Send a signal as a terminal does, to each process; return what was printed."""
        with subprocess.Popen(
            self.command(tool, **answers),
            cwd=self.folder,
            env=environment(HOME=str(self.folder.parent), PWD=str(self.folder)),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            for _ in range(600):
                if self.mark.exists() or process.poll() is not None:
                    break
                time.sleep(0.1)
            os.killpg(process.pid, number)
            assert process.stdout
            printed = process.stdout.read()
        assert process.returncode != 0
        return printed


OPTIONS = ["--no-input", "--default-config", "--overwrite-if-exists"]


@pytest.fixture
def interruption(template: Path) -> Interruption:
    return Interruption(template)


tools = pytest.mark.parametrize(
    "tool", ["cookiecutter", pytest.param("cruft", marks=pytest.mark.thorough)]
)


@tools
def test_ctrl_c_before_rendering_leaves_nothing(interruption: Interruption, tool: str) -> None:
    interruption.pause("before")
    printed = interruption.interrupt(signal.SIGINT, tool)
    assert "interrupted; nothing was rendered\n" in printed
    assert not interruption.project.exists()


def test_ctrl_c_before_rendering_keeps_an_existing_folder(interruption: Interruption) -> None:
    interruption.pause("before")
    interruption.project.mkdir()
    (interruption.project / "notes.txt").write_text("Mine.\n")
    interruption.interrupt(signal.SIGINT)
    assert [path.name for path in interruption.project.iterdir()] == ["notes.txt"]


@tools
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("moment", ["during", "after"])
def test_an_interrupted_rendering_leaves_a_file_that_explains_the_folder(
    interruption: Interruption, moment: str, number: int, tool: str
) -> None:
    interruption.pause(moment)
    printed = interruption.interrupt(number, tool)
    project = interruption.project
    assert (project / UNFINISHED).read_text() == (
        "Rendering into my-flask-api began and did not finish. Remove this folder and render again.\n"
    )
    if (moment, number) == ("after", signal.SIGINT):
        assert f"interrupted; {project} is not finished: see {UNFINISHED} in it\n" in printed


def test_an_unfinished_folder_is_refused_until_its_instructions_are_followed(
    interruption: Interruption, bake: Bake
) -> None:
    """Files that were there before are listed, and kept."""
    project = interruption.project
    theirs = {"notes.txt", "api/ours.py", "link"}
    (project / "api").mkdir(parents=True)
    (project / ".git").mkdir()
    (project / ".git/config").touch()
    for name in ("notes.txt", "api/ours.py"):
        (project / name).write_text("'Mine.'\n")
    (project / "link").symlink_to("notes.txt")
    interruption.pause("during")
    interruption.interrupt(signal.SIGINT)
    first, _, *kept = (project / UNFINISHED).read_text().splitlines()
    assert first == (
        "Rendering into my-flask-api began and did not finish. Remove all other files and render again. "
        "Keep these files, which were here before, and .git:"
    )
    assert set(kept) == theirs

    command = ["cookiecutter", *OPTIONS, TEMPLATE]
    with pytest.raises(
        AssertionError, match=f"did not finish; follow the instructions in its {UNFINISHED}"
    ):
        run(*command, cwd=interruption.folder, PWD=str(interruption.folder))
    for path in project.rglob("*"):
        name = path.relative_to(project).as_posix()
        if not path.is_dir() and name not in theirs and not name.startswith(".git/"):
            path.unlink()
    run(*command, cwd=interruption.folder, PWD=str(interruption.folder))
    assert {(project / name).read_text() for name in theirs} == {"'Mine.'\n"}
    assert {*texts(project)} - {*texts(bake())} == {*theirs, ".git/config"}


def test_a_failed_rendering_into_an_existing_folder_leaves_a_file_that_explains_it(
    interruption: Interruption,
) -> None:
    """cookiecutter removes only a folder that it has created itself."""
    (interruption.template / PROJECT.name / "broken.py").write_text("def f(:\n")
    interruption.project.mkdir()
    (interruption.project / "notes.txt").write_text("Mine.\n")
    with pytest.raises(AssertionError, match="broken.py was rendered wrongly"):
        run(*interruption.command("cookiecutter"), cwd=interruption.folder)
    assert (interruption.project / UNFINISHED).read_text().endswith(" and .git:\n\nnotes.txt\n")
    assert (interruption.project / "notes.txt").read_text() == "Mine.\n"


def test_a_full_disk_leaves_a_file_that_explains_the_folder(tmp_path: Path) -> None:
    """A limit of 30 KB for each file stands in for a full disk; some lock files are larger."""
    limit = ["prlimit", f"--fsize={30_000}"]
    if not shutil.which("prlimit"):
        missing("prlimit")
    with pytest.raises(AssertionError, match="File too large"):
        run(*limit, "cookiecutter", *OPTIONS, TEMPLATE, cwd=tmp_path, HOME=str(tmp_path))
    assert "Remove this folder" in (tmp_path / f"my-flask-api/{UNFINISHED}").read_text()


@tools
def test_ctrl_c_during_run_tests_keeps_the_project_and_prints_the_command_to_repeat(
    interruption: Interruption, tool: str
) -> None:
    interruption.pause("tests")
    printed = interruption.interrupt(signal.SIGINT, tool, run_tests="yes")
    assert (
        "run_tests: the tests were interrupted. The project is kept. To repeat the tests, run:\n"
        in printed
    )
    assert re.search(r"^    cd my-flask-api && make test PYTHON=\S+$", printed, re.MULTILINE)
    assert "Next:" in printed
    assert {*texts(interruption.project)} == {*listed(DEFAULTS)}
    if tool == "cruft":
        assert "cruft was interrupted too, and wrote no .cruft.json. Link the project" in printed
        (command,) = re.findall("^    (cd .* && cruft link .*)$", printed, re.MULTILINE)
        run("sh", "-ec", command, cwd=interruption.folder, HOME=str(interruption.folder.parent))
        assert run("cruft", "diff", cwd=interruption.project) == ""


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("1.7.3", "cookiecutter: 1.7.3 is too old; use 2.2.0 or newer: uvx cookiecutter"),
        ("2.1.1", "cookiecutter: 2.1.1 is too old; use 2.2.0 or newer: uvx cookiecutter"),
        ("2.2.0", ""),
    ],
)
def test_a_cookiecutter_that_is_too_old_is_named_in_one_line(
    tmp_path: Path, bake: Bake, version: str, said: str
) -> None:
    """docs/use.md names the oldest version that works."""
    page = (TEMPLATE / "docs/use.md").read_text("utf-8")
    oldest = re.findall(r"cookiecutter (\S+) or newer", page)
    assert oldest == ["2.2.0"]
    with_it = [
        "uv",
        "tool",
        "run",
        "--quiet",
        "--python",
        sys.executable,
        "--with",
        "setuptools<81",
    ]
    command = [*with_it, "--from", f"cookiecutter=={version}", "cookiecutter", "--no-input"]
    done = subprocess.run(
        [*command, "--default-config", TEMPLATE],
        cwd=tmp_path,
        env=environment(HOME=str(tmp_path.parent), PWD=str(tmp_path)),
        text=True,
        capture_output=True,
    )
    if said:
        assert done.stderr.startswith(said), done.stderr
        assert list(tmp_path.iterdir()) == []
    else:
        assert done.returncode == 0, done.stderr
        assert texts(tmp_path / "my-flask-api") == texts(bake())
