"""The lock files of every project, from one resolution of all requirements."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.support.edits import append
from tests.support.machine import run
from tests.support.marks import in_rows
from tests.support.repository import copy
from tools import locks
from tools.conditions import JINJA
from tools.lock_template import FILES, join
from tools.locks import LOCK, Line, Resolution, needed, read
from tools.variants import PROJECT, TEMPLATE, distinct

EVERY = re.sub(r"^# % .*\n", "", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.thorough
def test_the_requirements_of_every_row_compile_to_its_lock_files_in_one_resolution(
    bake: Bake, tmp_path: Path
) -> None:
    every = tmp_path / "every.txt"
    every.write_text(EVERY, encoding="utf-8")
    compiled: dict[str, str] = {}
    for answers in in_rows(distinct()):
        folder = bake(**answers) / "requirements"
        common = (folder / "common.in").read_text(encoding="utf-8")
        for file in FILES if answers["model"] == "onnx" else FILES[:-1]:
            asked = common + (folder / f"{file}.in").read_text(encoding="utf-8")
            if asked not in compiled:
                lock = tmp_path / f"{len(compiled)}.txt"
                command = [*locks.COMPILE, f"--constraints={every}", f"{file}.in", "-o", lock]
                run(*command, cwd=folder)
                compiled[asked] = lock.read_text(encoding="utf-8")
            rendered = (folder / f"{file}.txt").read_text(encoding="utf-8")
            assert rendered == compiled[asked], "run `make lock`"
    assert len(compiled) > len(FILES)


def test_every_project_has_the_same_version_of_a_package() -> None:
    """A package whose newest version has no wheel for an older Python may have two versions."""
    python = r"(?: ; .*(python_full_version \S+ \S+))?"
    pins = set(re.findall(rf"^([\w.-]+)(?:\[.*\])?==(\S+){python}", EVERY, re.MULTILINE))
    assert len(pins) > 80
    assert len({(name, python) for name, _, python in pins}) == len(pins)
    versions = Counter(name for name, _ in {(name, version) for name, version, _ in pins})
    assert all(python for name, _, python in pins if versions[name] > 1)


def test_no_lock_file_with_conditions_has_a_name_that_tools_read() -> None:
    """Dependabot and GitHub's dependency graph read *.txt."""
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=TEMPLATE).splitlines()
    folders = ("requirements", "example/requirements")
    chosen = [path for folder in folders for path in (TEMPLATE / folder).glob("*.in")]
    own = {path.relative_to(TEMPLATE).with_suffix(".txt").as_posix() for path in chosen}
    for path in listed:
        if path.endswith(".txt") and path not in own and (TEMPLATE / path).exists():
            assert "--hash=" not in (TEMPLATE / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    "text",
    [
        "# % if a\nflask\n# % elif b\nmsgspec\n# % endif\n",
        "# % if a\n# % if b\nflask\n# % endif\n# % endif\n",
        "flask\n# % endif\n",
        "# % if a:\nflask\n# % endif\n",
        "  # % if a\nflask\n  # % endif\n",
    ],
)
def test_an_unsupported_condition_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write each condition as `# % if …` and `# % endif`"):
        read(text)


@pytest.mark.parametrize("text", ["# % if a\nflask\n", "-r extra.in\nflask\n"])
def test_an_open_condition_and_another_file_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="has no `# % endif`|only `-r common.in`"):
        read(text)


@pytest.mark.thorough
def test_each_lock_file_has_its_own_markers_of_a_package(tmp_path: Path) -> None:
    few = [Line("tqdm", "")]
    more = [*few, Line("colorama", 'b == "y"')]
    resolution = Resolution(more, "", [], tmp_path)
    lines = dict.fromkeys(FILES, few) | {"load": more}
    text = join({file: needed(resolution, lines[file]) for file in FILES})
    for file in FILES:
        for b, marked in (("y", file != "load"), ("n", True)):
            rendered = JINJA.from_string(text).render(file=file, b=b)
            assert ("sys_platform" in rendered) == marked, (file, b)


def test_requirements_without_a_resolution_change_nothing(tmp_path: Path) -> None:
    template = copy(tmp_path / "template")
    append(template / PROJECT.name / "requirements/common.in", "flask<1\nflask>3\n")
    before = (template / "templates/requirements.jinja").read_bytes()
    with pytest.raises(AssertionError, match="locks: uv could not lock all requirements") as failed:
        run(sys.executable, "-m", "tools.locks", cwd=template)
    assert "Traceback" not in str(failed.value)
    assert (template / "templates/requirements.jinja").read_bytes() == before


def test_a_bad_requirement_line_is_named_with_its_file(tmp_path: Path) -> None:
    template = copy(tmp_path / "template")
    append(template / PROJECT.name / "requirements/load.in", "-r extra.in\n")
    with pytest.raises(AssertionError, match=r"requirements/load\.in: '-r extra\.in': ") as failed:
        run(sys.executable, "-m", "tools.locks", cwd=template)
    assert "Traceback" not in str(failed.value)


@pytest.mark.thorough
def test_a_package_has_the_markers_of_its_dependents_and_of_their_pairs(tmp_path: Path) -> None:
    """tqdm needs colorama on Windows only; the third line needs it everywhere."""
    lines = [
        Line("markupsafe", ""),
        Line("tqdm", 'a == "x"'),
        Line("colorama", 'b == "y"'),
    ]
    resolution = Resolution(lines, "", [], tmp_path)
    needs = {file: needed(resolution, lines) for file in FILES}
    text = re.sub(r"^ .*\n|^#    .*\n", "", join(needs), flags=re.MULTILINE)
    text = re.sub(r"==\S+", "==1", text)
    assert text.splitlines()[1:] == [
        '# % if b == "y"',
        "colorama==1 \\",
        '# % elif a == "x"',
        "colorama==1 ; sys_platform == 'win32' \\",
        "# % endif",
        "markupsafe==1 \\",
        '# % if a == "x"',
        "tqdm==1 \\",
        "# % endif",
    ]
