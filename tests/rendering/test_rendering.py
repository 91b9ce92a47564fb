"""What every combination of answers renders, looked at without running it."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bake
from tests.rendering.test_answers import TEXTS
from tests.support.machine import run
from tools.variants import QUESTIONS, TEMPLATE, Answers, distinct, name, pairs, product

GOLDEN = Path(__file__).parent / "golden"

READERS = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
# What Windows allows in no file name: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
ILLEGAL = re.compile(r'[<>:"\\|?*]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)

every_variant = pytest.mark.parametrize(
    "answers",
    [
        pytest.param(answers, marks=[] if answers in list(pairs()) else pytest.mark.thorough)
        for answers in product()
    ],
    ids=name,
)


def texts(project: Path) -> dict[str, str]:
    """Give each rendered file's text, by its path."""
    paths = [path for path in sorted(project.rglob("*")) if path.is_file()]
    return {
        path.relative_to(project).as_posix(): path.read_bytes().decode("utf-8") for path in paths
    }


@every_variant
def test_every_file_parses_and_has_nothing_of_the_template_left(
    bake: Bake, answers: Answers
) -> None:
    for path, text in texts(bake(**answers)).items():
        READERS.get(Path(path).suffix, str)(text)
        if path.startswith(".github/workflows/"):
            text = re.sub(r"\$\{\{.*?\}\}", "", text)  # GitHub's; these are copied, not rendered
        assert not re.search(r"cookiecutter|\{[{%#]|[%#]\}|^\s*# %", text, re.MULTILINE), path


@every_variant
def test_every_file_is_tidy(bake: Bake, answers: Answers) -> None:
    for path, text in texts(bake(**answers)).items():
        assert "\r" not in text, path
        assert text.endswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert path == "LICENSE" or not text.startswith("\n"), path
        assert not re.search(r"[ \t]$", text, re.MULTILINE), path
        if not path.endswith(".py") and path != "LICENSE":
            prose = re.sub(r"^```.*?^```$", "code", text, flags=re.MULTILINE | re.DOTALL)
            assert "\n\n\n" not in prose, path


@every_variant
def test_ruff_finds_nothing(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    run("ruff", "format", "--no-cache", "--check", ".", cwd=project)
    run("ruff", "check", "--no-cache", ".", cwd=project)


@every_variant
def test_hadolint_and_compose_s_schema_find_nothing(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    run("hadolint", "Dockerfile", cwd=project)
    schema = ["--builtin-schema", "vendor.compose-spec"]
    run("check-jsonschema", *schema, "compose.yaml", cwd=project)


@every_variant
def test_no_folder_is_empty_and_every_name_is_legal_everywhere(
    bake: Bake, answers: Answers
) -> None:
    for path in bake(**answers).rglob("*"):
        assert not ILLEGAL.search(path.name), path
        if path.is_dir():
            assert any(path.iterdir()), path


@every_variant
def test_a_blank_line_stands_between_the_targets_of_make(bake: Bake, answers: Answers) -> None:
    lines = (bake(**answers) / "Makefile").read_text(encoding="utf-8").splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if re.match(r"[a-z-]+:.*## ", line):
            assert above == "", line


@every_variant
def test_make_help_lists_every_target(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    listed = [line.split()[0] for line in run("make", cwd=project).splitlines()]
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert sorted(listed) == sorted(" ".join(phony).split())


@every_variant
def test_what_is_to_be_run_can_be_run(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    for script in (project / "bin").glob("*.sh"):
        assert script.stat().st_mode & 0o111 == 0o111
        run("sh", "-n", script, cwd=project)


@pytest.mark.parametrize("answers", distinct(), ids=name)
def test_the_files_are_the_golden_listing_s(bake: Bake, answers: Answers) -> None:
    """The listing knows nothing of `_files`: a forgotten entry shows here."""
    golden = (GOLDEN / f"{name(answers)}.txt").read_text(encoding="utf-8").splitlines()
    assert list(texts(bake(**answers))) == golden


def test_rendering_twice_gives_the_same(bake: Bake, cookies_session) -> None:  # noqa: ANN001
    again = cookies_session.bake().project_path
    assert texts(bake()) == texts(again)


def test_every_question_can_hold_any_text_at_once(bake: Bake) -> None:
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


def test_the_rendering_says_what_to_type_next(tmp_path: Path) -> None:
    command = ["cookiecutter", "--no-input", "--default-config", "-o", "in here", TEMPLATE]
    output = run(*command, cwd=tmp_path, PWD=str(tmp_path))
    assert re.findall(r"^    (.*)$", output, re.MULTILINE) == [
        "cd 'in here/my-flask-api'",
        "make test",
        "make start",
    ]
