"""The variants of the template, read from its questions: a new answer is tested the day it is added.

Run as a script, it prints the rows of the workflow matrix.yml; with the standard library alone.
"""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

# Asks for an action after the rendering; what is rendered is the same.
NO_AXIS = {"run_tests"}
# Change a few files, or whether they are there, and neither code nor requirements (a test holds this).
NEUTRAL = {
    "license": {"Dockerfile", "LICENSE", "README.md", "pyproject.toml"},
    "python_version": {"Dockerfile"},
    "ci": {".github/dependabot.yml", ".github/workflows/ci.yml", "README.md"},
}

Answers = dict[str, str | bool]

AXES: dict[str, list[str | bool]] = {
    question: [True, False] if isinstance(value, bool) else value
    for question, value in QUESTIONS.items()
    if not question.startswith("_") and isinstance(value, bool | list) and question not in NO_AXIS
}


def product(axes: dict[str, list[str | bool]] = AXES) -> list[Answers]:
    """Give every combination of answers, each by question."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def distinct() -> list[Answers]:
    """Give the combinations that differ in code or requirements, the other questions left out."""
    return product({question: axis for question, axis in AXES.items() if question not in NEUTRAL})


def pairs() -> Iterator[Answers]:
    """Give combinations in which every pair of answers to two questions occurs."""
    seen: set[tuple[tuple[str, str | bool], ...]] = set()
    for answers in product():
        new = set(itertools.combinations(answers.items(), 2)) - seen
        if new:
            seen |= new
            yield answers


def name(answers: Answers) -> str:
    """Name a combination, for a person: `MIT-3.13`; the one without answers is `default`."""
    return "-".join(str(answer) for answer in answers.values()) or "default"


def few() -> list[Answers]:
    """Give a few distinct combinations in which every answer occurs."""
    chosen: list[Answers] = []
    seen: set[tuple[str, str | bool]] = set()
    while True:
        best = max(distinct(), key=lambda answers: len(answers.items() - seen))
        if not (new := best.items() - seen):
            return chosen
        chosen.append(best)
        seen |= new


def words(answers: Answers) -> str:
    """Give answers as cookiecutter takes them on its command line."""
    return " ".join(f"{question}={answer}" for question, answer in answers.items())


def rows() -> list[dict[str, str]]:
    """Give every distinct project on every Python, as rows of a matrix of GitHub's."""
    every = [
        answers | {"python_version": python}
        for answers in distinct()
        for python in QUESTIONS["python_version"]
    ]
    return [
        {"name": name(row), "python": str(row["python_version"]), "answers": words(row)}
        for row in every
    ]


if __name__ == "__main__":
    print(json.dumps({"include": rows()}))
