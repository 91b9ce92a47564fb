"""The table of variants covers what it says."""

import filecmp
import itertools
from pathlib import Path

import pytest

from .conftest import Bake
from .variants import AXES, NEUTRAL, pairs, product


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
    assert files(default) == files(changed)
    same, different, errors = filecmp.cmpfiles(default, changed, files(default), shallow=False)
    assert set(different) == (NEUTRAL[question] if answer != AXES[question][0] else set())
    assert not errors
