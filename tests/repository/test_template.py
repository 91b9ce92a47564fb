"""The template's repository itself."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.rendering.test_rendering import READERS
from tests.support.machine import environment, fetch, free_port, run
from tools.variants import PROJECT, QUESTIONS, TEMPLATE


def test_every_file_of_the_template_is_valid_in_its_own_language_as_it_stands() -> None:
    for path in filter(Path.is_file, PROJECT.rglob("*.*")):
        READERS.get(path.suffix, str)(path.read_text(encoding="utf-8"))
    for script in PROJECT.rglob("*.sh"):
        run("sh", "-n", script, cwd=TEMPLATE)
    assert "Run the tests" in run("make", "help", cwd=PROJECT)


def test_the_readme_names_every_question_with_its_default_and_answers() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", readme, re.MULTILINE)
    assert [row[0] for row in rows] == [name for name in QUESTIONS if not name.startswith("_")]
    for question, default, answers in rows:
        if isinstance(QUESTIONS[question], list):
            assert default == QUESTIONS[question][0]
            assert answers.startswith(", ".join(QUESTIONS[question]))


def test_the_readme_names_files_that_are_rendered() -> None:
    readme = (TEMPLATE / "README.md").read_text(encoding="utf-8")
    listings = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    named = re.findall(r"^(\S+)  ", "".join(listings), re.MULTILINE)
    named += listings[0].splitlines()[-1].split()
    assert len(named) > 22
    for path in named:
        assert (PROJECT / path).exists(), path


@pytest.mark.parametrize("name", ["develop", "bench"])
def test_the_locked_requirements_satisfy_the_chosen_ones(tmp_path: Path, name: str) -> None:
    shutil.copytree(TEMPLATE / "requirements", tmp_path, dirs_exist_ok=True)
    lock = tmp_path / f"{name}.txt"
    locked = lock.read_text(encoding="utf-8")
    compile_ = run("make", "--silent", "--eval=echo: ; @echo '$(COMPILE)'", "echo", cwd=TEMPLATE)
    run("sh", "-ec", f"{compile_.strip()} {name}.in -o {name}.txt", cwd=tmp_path)
    assert lock.read_text(encoding="utf-8") == locked, "run `make lock`"


def test_make_demo_serves_the_default_project_and_says_where(tmp_path: Path) -> None:
    port = free_port()
    with subprocess.Popen(
        ["make", "demo", f"PORT={port}", f"BUILD={tmp_path}"],
        cwd=TEMPLATE,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as demo:
        assert demo.stdout
        try:
            said = next(line for line in demo.stdout if "documentation" in line)
            page = re.findall(r"http://\S+/docs", said)[0]
            assert f":{port}/" in page
            assert 'src="docs/init.js"' in fetch(page)
        finally:
            os.killpg(demo.pid, signal.SIGTERM)
            demo.communicate(timeout=15)
