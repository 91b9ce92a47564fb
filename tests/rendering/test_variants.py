"""The variants cover every pair of answers and both values of every condition."""

import filecmp
import json
import sys

import pytest

from tests.conftest import Bake
from tests.support.machine import run
from tools.conditions import conditions
from tools.covering import covering, few, pairs, singly
from tools.listings import files, listed
from tools.variants import (
    AXES,
    DEFAULTS,
    NEUTRAL,
    TEMPLATE,
    allowed,
    distinct,
    product,
    rows,
)


def test_the_installed_combinations_have_every_pair_of_answers_that_change_code() -> None:
    code = {*AXES} - {*NEUTRAL}
    found, wanted = (
        {pair for row in rows for pair in pairs({q: a for q, a in row.items() if q in code})}
        for rows in (covering(), distinct())
    )
    assert found == wanted


def test_the_installed_combinations_have_every_answer() -> None:
    for question, answers in AXES.items():
        assert {row[question] for row in covering()} == {*answers}


@pytest.mark.parametrize("condition", conditions(), ids=lambda condition: condition.place)
def test_a_condition_and_its_negation_occur_in_an_installed_combination(condition) -> None:  # noqa: ANN001
    possible = {condition.holds(answers) for answers in product(list(AXES))}
    assert possible == {True, False}, "the condition has the same value for all answers"
    assert {condition.holds(answers) for answers in covering()} == possible


def test_both_values_of_a_condition_in_the_files_of_an_image_occur_in_a_tested_image() -> None:
    image = ("Dockerfile", ".dockerignore", "compose.yaml", "gunicorn.conf.py", "bin/run.sh")
    assert all(map(allowed, singly()))
    for condition in conditions():
        if condition.place.rpartition(":")[0] in image:
            values = {condition.holds(DEFAULTS | answers) for answers in singly()}
            assert values == {True, False}, condition.place


def test_a_condition_is_joined_with_its_outer_condition() -> None:
    (deploy,) = [c for c in conditions() if c.place.startswith("_files: .github/workflows/deploy")]
    assert deploy.holds(DEFAULTS | {"deploy": "cloud-run", "ci": "github"})
    assert not deploy.holds(DEFAULTS | {"deploy": "cloud-run", "ci": "none"})
    assert not deploy.holds(DEFAULTS)


@pytest.mark.parametrize(
    ("question", "answer"),
    [(question, answer) for question in NEUTRAL for answer in AXES[question]],
)
def test_a_neutral_answer_changes_only_a_few_known_files(
    bake: Bake, question: str, answer: str
) -> None:
    default, changed = bake(), bake(**{question: answer})
    paths = files(default) | files(changed)
    same, *_ = filecmp.cmpfiles(default, changed, paths, shallow=False)
    known = NEUTRAL[question] & paths
    assert paths - set(same) == (known if answer != AXES[question][0] else set())


def test_the_quick_combinations_are_the_default_and_one_with_as_many_files_as_any() -> None:
    default, most = few()
    assert default.items() <= DEFAULTS.items()
    assert len(listed(most)) == max(len(listed(answers)) for answers in distinct())


def test_the_rows_have_every_distinct_project_once_and_every_python() -> None:
    read = [dict(word.split("=") for word in row["answers"].split()) for row in rows()]
    assert [row["python"] for row in rows()] == [answers.pop("python_version") for answers in read]
    wanted = [{question: str(a) for question, a in answers.items()} for answers in distinct()]
    assert sorted(map(repr, read)) == sorted(map(repr, wanted))
    assert len({row["name"] for row in rows()}) == len(rows())
    assert {row["python"] for row in rows()} == set(AXES["python_version"])


def test_the_rows_are_within_github_s_limit() -> None:
    assert 0 < len(rows()) <= 256


def test_the_rows_are_printed_on_one_line_by_python_without_packages() -> None:
    alone = [sys.executable, "-I", "-S"]  # -S: without installed packages
    printed = run(*alone, "tools/variants.py", cwd=TEMPLATE)
    assert printed.count("\n") == 1
    assert json.loads(printed) == {"include": rows()}
