"""Every combination of answers, rendered and checked without running the project."""

import re
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.rendering.checks import CHECKS, READERS, faults, texts
from tests.rendering.test_answers import TEXTS
from tests.support.machine import run
from tests.support.marks import in_rows, parametrize
from tools.variants import QUESTIONS, TEMPLATE, Answers, every


@parametrize(in_rows(every()), every())
def test_a_combination_is_rendered_without_a_fault(bake: Bake, answers: Answers) -> None:
    assert faults(bake(**answers), answers) == []


# A fault for each check: a file, and the text that the test appends to it.
FAULTS = {
    "parses": ("pyproject.toml", "a = ["),
    "has_nothing_of_the_template": ("README.md", "{{ a }}"),
    "has_nothing_of_an_answer_that_was_not_chosen": (".gitignore", "sqlalchemy"),
    "is_tidy": ("README.md", "a \n"),
    "has_legal_paths": ("docs/aux.txt", "a"),
    "has_the_files_of_the_listings": ("api/new.py", ""),
    "satisfies_the_linters": ("wsgi.py", "import os\n"),
    "has_a_makefile_that_lists_its_targets": ("Makefile", "\n.PHONY: a\na:\n"),
    "names_files_that_are_there": ("README.md", "See docs/nothing.md.\n"),
    "links_to_places_that_are_there": ("README.md", "[a](docs/deploy.md#nothing)\n"),
    "has_a_readme_of_three_screens": ("README.md", "a\n" * 100),
    "has_a_guide_for_agents_that_is_true": ("AGENTS.md", "`make nothing`\n"),
    "names_the_thing_and_not_a_person": ("wsgi.py", "# Somebody asks.\n"),
    "imports_only_public_names_of_the_chassis": (
        "api/greetings.py",
        "from chassis.errors import nothing\n",
    ),
}


@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
def test_a_check_finds_its_fault(workshop: Bake, check: str) -> None:
    project, answers = workshop(), every()[0]
    before = faults(project, answers)
    path, text = FAULTS[check]
    with (project / path).open("a", encoding="utf-8") as file:
        file.write(text)
    found = set(faults(project, answers)) - set(before)
    assert [fault for fault in found if fault.startswith(f"{check}: ")]


def test_two_renderings_are_equal(bake: Bake, cookies_session) -> None:  # noqa: ANN001
    again = cookies_session.bake().project_path
    assert texts(bake()) == texts(again)


def test_all_free_texts_can_have_every_special_character(bake: Bake) -> None:
    text = " ".join(TEXTS[:-2])
    for license_ in QUESTIONS["license"]:
        project = bake(
            project_name=text,
            description=text,
            author_name=text,
            project_slug="a",
            license=license_,
        )
        for path, rendered in texts(project).items():
            READERS.get(Path(path).suffix, str)(rendered)
        run("ruff", "check", "--no-cache", ".", cwd=project)


def test_the_rendering_prints_the_next_commands_and_the_needs_of_the_answers(
    tmp_path: Path,
) -> None:
    command = ["cookiecutter", "--no-input", "--default-config", "-o", "in here", TEMPLATE]
    output = run(*command, "datastore=sql", cwd=tmp_path, PWD=str(tmp_path))
    assert re.findall(r"^(\w+=\S+): ", output, re.MULTILINE) == ["datastore=sql"]
    assert re.findall(r"^    (.*)$", output, re.MULTILINE) == [
        "cd 'in here/my-flask-api'",
        "make test",
        "make start",
    ]
