"""Read the variants of the template from its questions, so that the tests include new answers.

As a script, it prints the rows of the workflow matrix.yml. It uses only the standard library.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

TEMPLATE = Path(__file__).parent.parent
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))

# For `python -c`: cookiecutter without its log, which has a traceback after a hook's message.
COOKIECUTTER = "import logging, cookiecutter.cli; logging.disable(); cookiecutter.cli.main()"
# Questions that change no rendered file.
NO_AXIS = {"run_tests"}
# Questions that change only these files, or whether they exist. The behavior and the requirements
# stay the same. A test checks the files.
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
    "ci": {
        ".github/dependabot.yml",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        "docs/testing.md",
    },
}

Answer = str | bool
Answers = dict[str, Answer]

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


def every() -> list[Answers]:
    """Return every combination of the answers except license and Python's version."""
    return product([question for question in AXES if question not in ("license", "python_version")])


def name(answers: Answers) -> str:
    """Return a readable name of a combination, such as `MIT-3.13`; `default` if it is empty."""
    return "-".join(str(answer) for answer in answers.values()) or "default"


def words(answers: Answers) -> str:
    """Return answers as arguments for cookiecutter's command line."""
    return " ".join(f"{question}={answer}" for question, answer in answers.items())


def rows() -> list[dict[str, str]]:
    """Return every distinct project, each with one Python, as rows of a GitHub Actions matrix."""
    # The least recently used version is next; a refused version waits for the next project.
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
