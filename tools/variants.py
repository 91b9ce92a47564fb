"""The variants of the template, read from its questions: a new answer is tested the day it is added.

Run as a script, it prints the rows of the workflow matrix.yml; with the standard library alone.
"""

import itertools
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

# Acts after rendering and changes no file.
NO_AXIS = {"run_tests"}
# Change a few files, or whether they are there, and neither what code does nor requirements (a test checks this).
NEUTRAL = {
    "license": {
        "Dockerfile",
        "LICENSE",
        "README.md",
        "api/__init__.py",
        "docs/swagger.yaml",
        "pyproject.toml",
    },
    "python_version": {"Dockerfile"},
    "ci": {".github/dependabot.yml", ".github/workflows/ci.yml", ".gitlab-ci.yml", "README.md"},
}

Answer = str | bool
Answers = dict[str, Answer]
Pair = tuple[tuple[str, Answer], ...]

AXES: dict[str, list[Answer]] = {
    question: [value, not value] if isinstance(value, bool) else value
    for question, value in QUESTIONS.items()
    if not question.startswith("_") and isinstance(value, bool | list) and question not in NO_AXIS
}
DEFAULTS = {question: answers[0] for question, answers in AXES.items()}
REFUSED: list[dict[str, list[Answer]]] = [rule["answers"] for rule in QUESTIONS["_refused"]]


def allowed(answers: Answers) -> bool:
    """Return whether the template renders a combination; a missing answer is the default."""
    return not any(
        all(
            answers.get(question, DEFAULTS[question]) in refused
            for question, refused in rule.items()
        )
        for rule in REFUSED
    )


def product(questions: Sequence[str]) -> list[Answers]:
    """Return every allowed combination of the answers to some questions."""
    axes = [AXES[question] for question in questions]
    every = (dict(zip(questions, values, strict=True)) for values in itertools.product(*axes))
    return [answers for answers in every if allowed(answers)]


def distinct() -> list[Answers]:
    """Return the combinations of the answers that change code or requirements."""
    return product([question for question in AXES if question not in NEUTRAL])


def pairs(answers: Answers) -> set[Pair]:
    """Return each pair of answers in a combination."""
    return set(itertools.combinations(answers.items(), 2))


def pairwise(questions: Sequence[str], first: Sequence[Answers] = ()) -> list[Answers]:
    """Return a few combinations that have every pair of answers that is allowed; some come first.

    allpairspy would do it, but leaves out pairs where combinations are refused (2.5.1).
    """
    chosen, every = [*first], product(questions)
    missing = set[Pair]().union(*map(pairs, every)).difference(*map(pairs, chosen))
    while missing:
        chosen.append(max(every, key=lambda answers: len(missing & pairs(answers))))
        missing -= pairs(chosen[-1])
    return chosen


@cache
def paired() -> tuple[Answers, ...]:
    """Return combinations of the answers that change code or requirements, with every pair of answers.

    The first are those of few().
    """
    return tuple(pairwise([*distinct()[0]], few()))


def every() -> list[Answers]:
    """Return the combinations that differ in more than the license and Python's version."""
    return product([question for question in AXES if question not in ("license", "python_version")])


@cache
def covering() -> tuple[Answers, ...]:
    """Return the combinations that are installed and tested.

    Every pair of answers to two questions occurs, every license, and both values of every condition in the
    template (tools/conditions.py).
    """
    from tools.conditions import conditions

    rows = pairwise([question for question in AXES if question != "license"])
    licenses = itertools.cycle(AXES["license"])
    rows = [{"license": license_} | row for license_, row in zip(licenses, rows, strict=False)]
    for condition in conditions():
        for value in (True, False):
            if not any(condition.holds(row) == value for row in rows):
                fitting = (row for row in product(list(AXES)) if condition.holds(row) == value)
                if row := next(fitting, None):
                    rows.append(row)
    return tuple(rows)


def few() -> list[Answers]:
    """Return the default combination, and the one with the most files."""
    return [{question: AXES[question][which] for question in distinct()[0]} for which in (0, 1)]


def name(answers: Answers) -> str:
    """Name a combination, for a person: `MIT-3.13`; the one without answers is `default`."""
    return "-".join(str(answer) for answer in answers.values()) or "default"


def words(answers: Answers) -> str:
    """Return answers as cookiecutter takes them on its command line."""
    return " ".join(f"{question}={answer}" for question, answer in answers.items())


def rows() -> list[dict[str, str]]:
    """Return every distinct project on one Python each, as rows of a matrix of GitHub's."""
    # The version that was used longest ago comes first; one that is refused waits for the next project.
    waiting = [*AXES["python_version"]]
    every = []
    for answers in distinct():
        fitting = [answers | {"python_version": python} for python in waiting]
        row = next(filter(allowed, fitting))
        waiting.remove(row["python_version"])
        waiting.append(row["python_version"])
        every.append(row)
    return [
        {"name": name(row), "python": str(row["python_version"]), "answers": words(row)}
        for row in every
    ]


if __name__ == "__main__":
    print(json.dumps({"include": rows()}))
