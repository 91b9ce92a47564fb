"""Marks that run a test for many variants."""

from collections.abc import Sequence

import pytest

from tools.variants import Answers, distinct, few, name


def parametrize(
    quick: list[Answers], every: Sequence[Answers] = tuple(distinct())
) -> pytest.MarkDecorator:
    """Run a test for every combination; those that are not quick in the thorough run."""
    marked = [
        pytest.param(answers, marks=[] if answers in quick else pytest.mark.thorough)
        for answers in every
    ]
    return pytest.mark.parametrize("answers", marked, ids=name)


every_project = parametrize(few())
every_image = parametrize(distinct()[:1])
