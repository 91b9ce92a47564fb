"""Tests that must pass on every system that renders: Linux, macOS and Windows."""

import ast
import json
import os
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.rendering.checks import ILLEGAL, READERS, texts
from tests.support.machine import environment, run
from tests.support.marks import in_rows
from tests.support.repository import copy, git
from tools.variants import PROJECT, TEMPLATE, Answers, every, name

LONGEST_SLUG = "a" * 49
# Windows allows 260 characters for a whole path. The rest is for the parent folders.
LONGEST_PATH = 200

every_row = pytest.mark.parametrize("answers", in_rows(every()), ids=name)


def render(folder: Path, template: Path = TEMPLATE, *given: str, **settings: str) -> Path:
    """Render with cookiecutter's command and environment variables; return the project's folder."""
    folder.mkdir(exist_ok=True)
    options = ["--no-input", "--default-config", str(template), *given]
    run(sys.executable, "-m", "cookiecutter", *options, cwd=folder, PWD="", **settings)
    return folder / "my-flask-api"


@every_row
def test_every_file_is_utf_8_with_unix_line_ends_and_parses(bake: Bake, answers: Answers) -> None:
    for path, text in texts(bake(**answers)).items():
        assert "\r" not in text, path
        READERS.get(Path(path).suffix, str)(text)


@every_row
def test_every_path_of_a_project_fits_every_file_system(bake: Bake, answers: Answers) -> None:
    project = bake(project_slug=LONGEST_SLUG, **answers)
    assert misfits([f"{LONGEST_SLUG}/{path}" for path in texts(project)]) == []


def test_every_path_of_the_template_fits_every_file_system() -> None:
    paths = run("git", "ls-files", "-z", cwd=TEMPLATE).strip("\0").split("\0")
    assert misfits(paths) == []


def misfits(paths: list[str]) -> list[str]:
    """Return the paths that are too long, illegal on Windows, or differ only in case."""
    lower = [path.lower() for path in paths]
    return [
        path
        for path in paths
        if len(path) >= LONGEST_PATH
        or any(ILLEGAL.search(part) for part in path.split("/"))
        or lower.count(path.lower()) > 1
    ]


def test_a_path_that_does_not_fit_is_found() -> None:
    bad = ["a" * LONGEST_PATH, "a/aux.txt", "a/B", "A/b"]
    assert misfits(["a/c", *bad]) == bad


def test_a_clone_with_windows_line_ends_renders_unix_line_ends(
    tmp_path: Path,
) -> None:
    copy(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", "--config=core.autocrlf=true", "origin", "clone")
    project = render(tmp_path / "here", tmp_path / "clone", "deploy=cloud-run")
    assert any(path.startswith(".github/workflows/") for path in texts(project))
    for path, text in texts(project).items():
        assert "\r" not in text, path


def test_a_project_that_is_cloned_keeps_its_unix_line_ends(tmp_path: Path, bake: Bake) -> None:
    """With Windows line ends, a script does not start, and an image differs."""
    project = render(tmp_path)
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=Render")
    git(tmp_path, "clone", "--quiet", "--config=core.autocrlf=true", project.name, "clone")
    assert b"\r" not in (tmp_path / "clone/bin/run.sh").read_bytes()
    assert b"\r" not in (tmp_path / "clone/requirements/develop.txt").read_bytes()


def test_the_model_matches_its_card_in_the_template_a_project_and_their_clones(
    tmp_path: Path,
) -> None:
    """Rendering, git or a hook would change some bytes of the file if it were text."""
    origin = copy(tmp_path / "origin")
    git(tmp_path, "clone", "--quiet", "--config=core.autocrlf=true", "origin", "clone")
    awkward = 'project_name=A "b" \\ 😀'
    project = render(
        tmp_path / "here", tmp_path / "clone", "model=onnx", "project_slug=my-flask-api", awkward
    )
    card = json.loads((project / "model/model.json").read_text(encoding="utf-8"))
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=Render")
    git(tmp_path, "clone", "--quiet", "--config=core.autocrlf=true", str(project), "deployed")
    for folder in (PROJECT, origin / PROJECT.name, project, tmp_path / "deployed"):
        file = (folder / "model/model.onnx").read_bytes()
        assert sha256(file).hexdigest() == card["sha256"], folder


def test_a_model_may_have_any_bytes(tmp_path: Path) -> None:
    template = copy(tmp_path / "template")
    bytes_ = b"\xff\0\r\n{{ cookiecutter.x }}\n# % if x\n{% include 'x' %}\n{{"
    (template / PROJECT.name / "model/model.onnx").write_bytes(bytes_)
    git(template, "add", "--all")
    git(template, "commit", "--quiet", "--message=Another model")
    git(tmp_path, "clone", "--quiet", "--config=core.autocrlf=true", "template", "clone")
    project = render(tmp_path / "here", tmp_path / "clone", "model=onnx")
    assert (project / "model/model.onnx").read_bytes() == bytes_


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_characters_that_the_console_cannot_encode_stop_nothing(
    tmp_path: Path, encoding: str
) -> None:
    project = render(tmp_path / "Проекты 🙂", PYTHONIOENCODING=encoding)
    assert (project / "README.md").exists()


def test_rendering_needs_no_command(tmp_path: Path) -> None:
    assert (render(tmp_path, PATH=str(tmp_path)) / "README.md").exists()


@pytest.mark.parametrize("hook", ["pre_gen_project.py", "post_gen_project.py"])
def test_the_hooks_use_no_shell_and_name_their_encodings(hook: str) -> None:
    tree = ast.parse((TEMPLATE / "hooks" / hook).read_text(encoding="utf-8"))
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        function = ast.unparse(call.func)
        keywords = {keyword.arg for keyword in call.keywords}
        assert function not in ("os.system", "os.popen"), function
        assert "shell" not in keywords, function
        if function.split(".")[-1] in ("open", "read_text", "write_text") or "text" in keywords:
            assert "encoding" in keywords, function


def test_these_tests_start_without_posix() -> None:
    """Import this module without the modules and names that Windows lacks."""
    modules = {"fcntl", "grp", "pwd", "resource", "termios"}
    names = {(os, "geteuid"), (os, "getuid"), (os, "killpg"), (os, "chown")}
    names |= {(signal, "SIGKILL"), (signal, "SIGSTOP"), (signal, "SIGCONT")}
    code = ["import os, signal, subprocess, sys, pytest, pytest_cookies.plugin"]
    code += [f"sys.modules[{module!r}] = None" for module in modules]
    code += [f"vars({module.__name__}).pop({name!r}, None)" for module, name in names]
    code += [f"import {__name__}"]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        cwd=TEMPLATE,
        env=environment(PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
