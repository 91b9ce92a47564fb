"""The table of variants covers what it says."""

import filecmp
import itertools
import json
import sys
from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.support.machine import run
from tools.variants import AXES, NEUTRAL, QUESTIONS, TEMPLATE, distinct, pairs, product, rows


def test_the_pairs_have_every_pair_of_answers() -> None:
    covered = {pair for answers in pairs() for pair in itertools.combinations(answers.items(), 2)}
    assert covered == {
        pair for answers in product() for pair in itertools.combinations(answers.items(), 2)
    }


def files(project: Path) -> set[str]:
    return {str(p.relative_to(project)) for p in project.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("question", "answer"),
    [(question, answer) for question in NEUTRAL for answer in AXES[question]],
)
def test_a_neutral_answer_changes_a_few_known_files_alone(
    bake: Bake, question: str, answer: str
) -> None:
    default, changed = bake(), bake(**{question: answer})
    paths = files(default) | files(changed)
    same, *_ = filecmp.cmpfiles(default, changed, paths, shallow=False)
    assert paths - set(same) == (NEUTRAL[question] if answer != AXES[question][0] else set())


def test_the_rows_have_every_distinct_project_on_every_python_once() -> None:
    read = [dict(word.split("=") for word in row["answers"].split()) for row in rows()]
    wanted = [
        {question: str(answer) for question, answer in answers.items()} | {"python_version": python}
        for answers in distinct()
        for python in QUESTIONS["python_version"]
    ]
    assert sorted(map(repr, read)) == sorted(map(repr, wanted))
    assert len({row["name"] for row in rows()}) == len(rows())
    assert [row["python"] for row in rows()] == [answers["python_version"] for answers in read]


def test_the_rows_are_not_more_than_github_takes() -> None:
    assert 0 < len(rows()) <= 256


def test_the_rows_are_printed_on_one_line_by_python_alone() -> None:
    alone = [sys.executable, "-I", "-S"]  # -S: without what is installed
    printed = run(*alone, "tools/variants.py", cwd=TEMPLATE)
    assert printed.count("\n") == 1
    assert json.loads(printed) == {"include": rows()}
