"""Marks that run a test for many variants."""

from collections.abc import Iterable, Sequence

import pytest

from tools.covering import covering, few, paired, singly
from tools.variants import Answers, name


def parametrize(
    quick: Iterable[Answers], every: Sequence[Answers] = paired()
) -> pytest.MarkDecorator:
    """Run a test for each combination; mark the combinations outside `quick` as thorough."""
    marked = [
        pytest.param(answers, marks=[] if answers in quick else pytest.mark.thorough)
        for answers in every
    ]
    return pytest.mark.parametrize("answers", marked, ids=name)


def in_rows(combinations: list[Answers]) -> list[Answers]:
    """Return the combinations that are part of a row of the covering array."""
    return [each for each in combinations if any(each.items() <= row.items() for row in covering())]


every_project = parametrize(few())
every_image = parametrize(few()[:1], singly())
