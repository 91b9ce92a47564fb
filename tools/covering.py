"""Select the combinations of answers that the tests render, install and run."""

import itertools
from collections.abc import Sequence
from functools import cache
from random import Random

from tools.conditions import conditions
from tools.variants import AXES, NEUTRAL, Answer, Answers, allowed, distinct, product

Pair = tuple[tuple[str, Answer], ...]


def pairs(answers: Answers) -> set[Pair]:
    """Return each pair of answers in a combination."""
    return set(itertools.combinations(answers.items(), 2))


def pairwise(questions: Sequence[str], first: Sequence[Answers] = ()) -> list[Answers]:
    """Return a few combinations with every allowed pair of answers; they begin with `first`.

    Each next combination has the most missing pairs. The number of combinations depends on how ties
    are broken: from 9 to 11 for these questions. So the shortest of many results is returned.
    allpairspy 2.5.1 is not used, because it omits pairs if combinations are refused.
    """
    every = product(questions)
    return min((greedy(every, first, Random(seed)) for seed in range(30)), key=len)


def greedy(every: Sequence[Answers], first: Sequence[Answers], ties: Random) -> list[Answers]:
    chosen = [*first]
    missing = set[Pair]().union(*map(pairs, every)).difference(*map(pairs, chosen))
    while missing:
        order = ties.sample(every, len(every))
        chosen.append(max(order, key=lambda answers: len(missing & pairs(answers))))
        missing -= pairs(chosen[-1])
    return chosen


@cache
def paired() -> tuple[Answers, ...]:
    """Return combinations with every pair of the answers that change code or requirements.

    They begin with those of few().
    """
    return tuple(pairwise([*distinct()[0]], few()))


@cache
def covering() -> tuple[Answers, ...]:
    """Return the combinations that are installed and tested.

    Every pair of answers that change code or requirements occurs, and every other answer. Every
    condition in the template is true in one row and false in another (tools/conditions.py).
    """
    others = {question: itertools.cycle(AXES[question]) for question in NEUTRAL}
    rows = []
    for answers in paired():
        turns = ({name: next(turn) for name, turn in others.items()} for _ in itertools.count())
        row = next(row for turn in turns if allowed(row := turn | answers))
        rows.append({question: row[question] for question in AXES})
    for condition in conditions():
        for value in (True, False):
            if not any(condition.holds(row) == value for row in rows):
                fitting = (row for row in product(list(AXES)) if condition.holds(row) == value)
                if row := next(fitting, None):
                    rows.append(row)
    return tuple(rows)


def singly() -> list[Answers]:
    """Return combinations that have every answer that changes code or requirements."""
    axes = {question: AXES[question] for question in distinct()[0]}
    turns = range(max(map(len, axes.values())))
    return [{each: answers[n % len(answers)] for each, answers in axes.items()} for n in turns]


def few() -> list[Answers]:
    """Return the default combination, and the one with the most files."""
    return singly()[:2]
