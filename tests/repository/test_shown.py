"""example/ and the table of docs/answers.md match the rendered projects."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.support.machine import run
from tests.support.repository import copy
from tools import answers
from tools.example import EXAMPLE
from tools.listings import files
from tools.variants import AXES, PROJECT


def contents(folder: Path, paths: list[str]) -> dict[str, tuple[bytes, bool]]:
    """Return the content of each file, and whether it is executable."""
    return {
        path: ((folder / path).read_bytes(), os.access(folder / path, os.X_OK)) for path in paths
    }


def test_the_example_is_the_default_project(bake: Bake) -> None:
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=EXAMPLE)
    there = [path for path in listed.split("\0") if path and (EXAMPLE / path).exists()]
    default = contents(bake(), sorted(files(bake())))
    assert contents(EXAMPLE, sorted(there)) == default, "run `make listings`"


def test_a_failed_rendering_is_named_and_keeps_the_listings(tmp_path: Path) -> None:
    template = copy(tmp_path / "template")
    (template / PROJECT.name / "wsgi.py").write_text("def f(:\n")
    with pytest.raises(AssertionError, match=r"wsgi\.py was rendered wrongly") as failed:
        run(sys.executable, "-m", "tools.listings", cwd=template)
    assert "render: a hook failed (see above) for all defaults" in str(failed.value)
    assert "Traceback" not in str(failed.value)
    assert "listings" not in run("git", "status", "--porcelain", cwd=template)


def test_the_page_has_the_files_lines_and_packages_that_each_answer_adds() -> None:
    page = answers.PAGE.read_text(encoding="utf-8")
    assert answers.filled(page) == page, "run `make listings`"


def test_the_page_has_a_row_for_each_answer_that_adds_something() -> None:
    labels = re.findall(r"^\| `(\w+=\S+)` \|", answers.PAGE.read_text("utf-8"), re.MULTILINE)
    asked = [question for question in AXES if question not in ("license", "python_version")]
    assert labels == [f"{question}={each}" for question in asked for each in AXES[question][1:]]


def test_refreshed_counts_keep_what_was_measured() -> None:
    page = answers.PAGE.read_text(encoding="utf-8")
    name = answers.label({"datastore": "sql"})
    measured = page.replace(
        page.partition(f"| {name} |")[2].partition("\n")[0], " 1 | 2 | 30 ms | 4 MB |"
    )
    kept = answers.measured(answers.filled(measured))
    assert kept[name] == ("30 ms", "4 MB")
    assert answers.table({}).count("not measured") == 2 * sum(map(answers.runs, answers.rows()))


def test_the_pages_have_the_lines_of_the_owner_s_part_of_the_default_project(bake: Bake) -> None:
    lines = answers.counts(bake())[1]
    for page in ("README.md", "docs/answers.md"):
        text = (answers.TEMPLATE / page).read_text(encoding="utf-8")
        assert re.search(rf"\b{lines} lines in ", text), page
