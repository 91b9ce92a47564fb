"""Replace the template, in a clone of it, with the project that it renders.

`make init` and the workflow use-this-template.yml run this. It reads environment variables:
  ANSWERS   The answers, a JSON object. If it is unset or empty, the questions are asked.
  UPSTREAM  The template's address; empty if it is unknown. A clone of the template needs none.
"""

import json
import logging
import os
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cruft
from cookiecutter.exceptions import CookiecutterException, FailedHookException
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config

from tools.clone import HERE, Base, find_base, git, replace


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        answers, base = replace_the_template()
    except EOFError:
        example = shlex.quote('{"datastore": "sql"}')
        sys.exit(
            "\ninit: the input ended before the last question; nothing was changed. "
            f"Without a terminal, set the answers, for example: ANSWERS={example} make init"
        )
    except KeyboardInterrupt:
        sys.exit("\ninit: interrupted; nothing was changed")
    report(answers, base)


def replace_the_template() -> tuple[dict[str, str], Base]:
    clone = "run it in a clone of the template"
    top = git("rev-parse", "--show-toplevel", hint=clone)
    if top != str(HERE):
        sys.exit(f"init: {HERE} is part of another git repository, {top}; {clone}")
    if uncommitted := git("status", "--porcelain", "--untracked-files=all"):
        first, rest = uncommitted.splitlines()[:10], len(uncommitted.splitlines()) - 10
        more = [f"and {rest} more"] if rest > 0 else []
        sys.exit("\n".join(["init: commit or remove these changes first:", *first, *more]))
    base = find_base()
    logging.disable()  # If a hook fails, cookiecutter logs a traceback after the hook's message.
    with TemporaryDirectory() as folder:
        try:
            text = os.environ.get("ANSWERS")
            answers = given_answers(text) if text else ask()
            project, answers = render(answers, base, Path(folder))
        except FailedHookException:
            sys.exit(1)
        except (CookiecutterException, OSError, ValueError) as error:
            sys.exit(f"init: {error}")
        replace(project, base.commit)
    return answers, base


def public(questions: dict[str, Any]) -> dict[str, Any]:
    """Drop private variables, and run_tests, because the rendered project is moved afterwards."""
    return {
        question: answer
        for question, answer in questions.items()
        if not question.startswith("_") and question != "run_tests"
    }


QUESTIONS = public(json.loads((HERE / "cookiecutter.json").read_text(encoding="utf-8")))


def given_answers(text: str) -> dict[str, str]:
    """Read ANSWERS; cookiecutter itself would ignore an unknown question."""
    answers = None
    with suppress(ValueError):
        answers = json.loads(text)
    if not isinstance(answers, dict):
        example = """for example ANSWERS='{"datastore": "sql"}'"""
        sys.exit(f"init: ANSWERS must be a JSON object, {example}, not {text}")
    for question, answer in answers.items():
        if question not in QUESTIONS:
            sys.exit(f"init: ANSWERS: {question} is not one of {', '.join(QUESTIONS)}")
        if not isinstance(answer, str):
            sys.exit(f"init: ANSWERS: {question} must be a text, not {json.dumps(answer)}")
    return {question: answer for question, answer in answers.items() if answer}


def literal(answers: dict[str, str]) -> dict[str, str]:
    """Quote free texts as Jinja literals, because cookiecutter renders given answers with Jinja."""
    return {
        question: f"{{{{ {json.dumps(answer, ensure_ascii=False)} }}}}"
        if isinstance(QUESTIONS[question], str)
        else answer
        for question, answer in answers.items()
    }


def ask() -> dict[str, str]:
    """Ask the template's questions."""
    questions = generate_context(str(HERE / "cookiecutter.json"))["cookiecutter"]
    asked = public(questions) | {"__prompts__": questions["__prompts__"]}
    return dict(prompt_for_config({"cookiecutter": asked}))


def render(answers: dict[str, str], base: Base, folder: Path) -> tuple[Path, dict[str, str]]:
    """Run `cruft create` and return the project's folder and all answers.

    cruft clones this repository, which has the template's commit, so nothing is downloaded again.
    The post-generation hook prints nothing and runs no tests in such a folder.
    """
    commit = base.upstream or base.commit
    project = cruft.create(
        str(HERE), folder, default_config=True, extra_context=literal(answers), checkout=commit
    )
    file = project / ".cruft.json"
    state = json.loads(file.read_text(encoding="utf-8"))
    context = state["context"]["cookiecutter"]
    if base.upstream:
        context["_template"] = base.address
        state |= {"template": base.address, "checkout": None}
        text = json.dumps(state, ensure_ascii=False, indent=2) + "\n"
        file.write_text(text, encoding="utf-8")
    else:
        file.unlink()
    return project, public(context)


def report(answers: dict[str, str], base: Base) -> None:
    """Print a commit message that describes the result."""
    print(f"Render {answers['project_name']} from the template\n")
    if base.upstream:
        print(f"The template is {base.address}\nat {base.upstream}.")
    else:
        why = (
            f"{base.address} could not be read"
            if base.address
            else "The template's address is not known"
        )
        link = ["cruft", "link", base.address or "ADDRESS", "--no-input", "--extra-context"]
        command = shlex.join([*link, json.dumps(answers, ensure_ascii=False)])
        print(f"The project is not linked to the template. {why}.")
        print(f"`cruft update` works after this command:\n\n    {command}")
    print("\nThe answers:\n")
    for question, answer in answers.items():
        print(f"    {question}: {answer}")


if __name__ == "__main__":
    main()
