"""Replace the template, in a clone of it, with the project that it renders.

`make init` and the workflow use-this-template.yml run this. It reads environment variables:
  ANSWERS   The answers, a JSON object. If it is unset or empty, the questions are asked.
  UPSTREAM  The template's address; empty if it is unknown. A clone of the template needs none.
"""

import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cruft
from cookiecutter.exceptions import CookiecutterException, FailedHookException
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config

HERE = Path(__file__).resolve().parent.parent


class Base(NamedTuple):
    """The last commit that this repository shares with the template, and the template's address."""

    commit: str  # in this repository; files that are unchanged since then belong to the template
    address: str  # of the template; empty if unknown
    upstream: str  # the template's commit; empty if the template cannot be read


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


def git(*command: str, hint: str = "") -> str:
    """Return the output of a git command; exit if it fails, with a hint what to do."""
    done = subprocess.run(["git", *command], cwd=HERE, text=True, capture_output=True)
    if done.returncode:
        why = f"`git {' '.join(command)}` failed: {done.stderr.strip() or 'no result'}"
        sys.exit(f"init: {why}; {hint}" if hint else f"init: {why}")
    return done.stdout.strip()


def find_base() -> Base:
    """Find the last commit that this repository shares with the template.

    GitHub's button copies the template's files as one commit without history. In the template's own
    history, the first commit does not have this file.
    """
    if git("rev-parse", "--is-shallow-repository") == "true":
        sys.exit("init: this clone is shallow; run `git fetch --unshallow` first")
    first = git("rev-list", "--max-parents=0", "HEAD").split()[-1]
    copied = bool(git("ls-tree", first, "tools/init.py"))
    given = os.environ.get("UPSTREAM")
    fetch = ["git", "fetch", "--quiet", "--no-tags", "--", given or "", "HEAD"]
    fetched = bool(given) and not subprocess.run(fetch, cwd=HERE).returncode
    of_origin = given is None and not copied
    hint = "set UPSTREAM to the template's address: UPSTREAM=https://… make init"
    address = git("remote", "get-url", "origin", hint=hint) if of_origin else given or ""
    address = re.sub(r"^(https?://)[^/]*@", r"\1", address)  # without a password
    if copied:
        return Base(first, address, commit_with_the_files_of(first) if fetched else "")
    branches = git("for-each-ref", "--format=%(refname)", "refs/remotes/origin").split()
    if not fetched and not branches:
        unread = f"UPSTREAM={address} could not be read" if given else "UPSTREAM is empty"
        sys.exit(f"init: {unread}, and this clone has no branch of a remote origin; {hint}")
    where = f"UPSTREAM={address}" if fetched else "the remote origin"
    hint = f"{where} shares no commit with this clone; {hint}"
    base = git("merge-base", "HEAD", *(["FETCH_HEAD"] if fetched else branches), hint=hint)
    return Base(base, address, base if fetched or of_origin else "")


def commit_with_the_files_of(first: str) -> str:
    """Return the fetched commit with the same files as `first`; the newest if there is none."""
    tree = git("rev-parse", f"{first}^{{tree}}")
    history = [line.split() for line in git("log", "--format=%H %T", "FETCH_HEAD").splitlines()]
    return next((commit for commit, of in history if of == tree), history[0][0])


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


def replace(project: Path, base: str) -> None:
    """Remove the template's files and copy the project here; keep every other file."""
    changed = git("diff", "--name-only", "--no-renames", "-z", base, "HEAD").split("\0")
    tracked = git("ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")
    old = {Path(path) for path in set(tracked) - set(changed)}
    new = {path.relative_to(project) for path in project.rglob("*") if not path.is_dir()}
    folders = {folder for path in new for folder in path.parents}
    kept = {path for path in new if os.path.lexists(HERE / path)}
    kept |= {at for at in folders if (HERE / at).is_symlink() or (HERE / at).is_file()}
    if kept := kept - old:
        paths = ", ".join(sorted(map(str, kept)))
        sys.exit(f"init: the project would overwrite these files, which are yours: {paths}")
    try:
        remove(old)
        for path in sorted(new):
            (HERE / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / path, HERE / path, follow_symlinks=False)
    except BaseException as error:
        put_back(new)
        if isinstance(error, OSError):
            sys.exit(f"init: {error}; nothing was changed")
        raise


def remove(paths: set[Path]) -> None:
    """Remove files, and each folder that becomes empty."""
    for path in paths:
        (HERE / path).unlink(missing_ok=True)  # A sparse checkout lacks some files.
    for folder in sorted({folder for path in paths for folder in path.parents}, reverse=True):
        shutil.rmtree(HERE / folder / "__pycache__", ignore_errors=True)
        with suppress(OSError):  # The folder is not empty.
            (HERE / folder).rmdir()


def put_back(new: set[Path]) -> None:
    """Restore the last commit, which has every file: there were no uncommitted changes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    remove(new)
    git("reset", "--quiet", "--hard")
    # The restored requirements are newer than the environment: make would reinstall the tools.
    with suppress(OSError):
        os.utime(HERE / ".venv/develop.txt")


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
