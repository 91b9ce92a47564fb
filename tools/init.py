"""Replaces the template, in a clone of it, by the project that it renders: `make init`.

The environment may say:
  ANSWERS   the answers, a JSON object; an empty text is no answer. Without it, this asks.
  UPSTREAM  the template's address; empty if it is unknown. Without it, a clone of the template knows.
  REPOSITORY_NAME, REPOSITORY_DESCRIPTION, REPOSITORY_OWNER  what the project's defaults come from.
"""

import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from cookiecutter.exceptions import CookiecutterException, FailedHookException
from cookiecutter.generate import generate_context, generate_files
from cookiecutter.prompt import prompt_for_config

HERE = Path(__file__).resolve().parent.parent
# It would install the project where it is rendered, and that is not where it stays.
NOT_ASKED = "run_tests"


def main() -> None:
    if not (HERE / "cookiecutter.json").exists():
        sys.exit("init: this folder is not the template any more: the project is here already")
    refuse_what_could_be_lost()
    questions = json.loads((HERE / "cookiecutter.json").read_text(encoding="utf-8"))
    public = {name: value for name, value in questions.items() if not name.startswith("_")}
    remote = upstream()
    address = re.sub(r"^(https?://)[^/]*@", r"\1", remote)  # no password is kept
    given = given_answers(public)
    with tempfile.TemporaryDirectory() as folder:
        try:
            asked = ask(public, address) if given is None else defaults(public, address) | given
            commit = commit_of(remote)
            project, state = render(asked, address if commit else "", commit, Path(folder))
        except FailedHookException:  # the hook has said what is wrong
            sys.exit(1)
        except CookiecutterException as error:
            sys.exit(f"init: {error}")
        except (EOFError, KeyboardInterrupt):
            sys.exit("\ninit: interrupted; nothing was changed")
        replace(project, files_of_the_template(commit))
    report({name: state[name] for name in public}, address, commit)


def git(*command: str) -> str:
    """Give what a git command prints; nothing, if it fails."""
    done = subprocess.run(["git", *command], cwd=HERE, text=True, capture_output=True)
    return "" if done.returncode else done.stdout.strip()


# --- what is here


def refuse_what_could_be_lost() -> None:
    """Stop unless git has everything that is here."""
    if not git("rev-parse", "HEAD") or git("rev-parse", "--show-toplevel") != str(HERE):
        sys.exit(
            "init: this folder is no git repository of its own, so git could not bring back what is replaced"
        )
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(status, cwd=HERE, text=True, stdout=subprocess.PIPE)
    if done.returncode or done.stdout:
        sys.exit(f"init: commit or remove what is not committed here first:\n{done.stdout}")


# --- the template's address, and the commit that this is a copy of


def upstream() -> str:
    """Give the template's address, or nothing."""
    address = os.environ.get("UPSTREAM")
    if address is None:
        # What GitHub makes from a template begins with all of it, in one commit, and its origin is
        # itself. The template's own history began without this file.
        contained = re.search(r"^ *origin/", git("branch", "-r", "--contains", "HEAD"), re.M)
        shallow = git("rev-parse", "--is-shallow-repository") == "true"
        own = shallow or not git("ls-tree", first_commit(), "tools/init.py")
        address = git("remote", "get-url", "origin") if contained and own else ""
    url = urlparse(address)
    if address and url.scheme in ("", "file"):  # as cruft has it
        path = (Path(url.netloc) / url.path).absolute()
        return str(path) if path.exists() else address
    return address


def first_commit() -> str:
    return git("rev-list", "--max-parents=0", "HEAD").splitlines()[-1]


def commit_of(address: str) -> str:
    """Give the template's commit that this is a copy of, or nothing if it can't be read.

    A clone has the commit itself; what GitHub makes from a template has one with the same files.
    """
    if not address:
        return ""
    fetch = ["git", "fetch", "--quiet", "--no-tags", "--", address, "HEAD"]
    if subprocess.run(fetch, cwd=HERE).returncode:
        return ""
    if base := git("merge-base", "HEAD", "FETCH_HEAD"):
        return base
    tree = git("rev-parse", f"{first_commit()}^{{tree}}")
    history = [line.split() for line in git("log", "--format=%H %T", "FETCH_HEAD").splitlines()]
    return next((commit for commit, of in history if of == tree), history[0][0])


def files_of_the_template(commit: str) -> set[str]:
    """Give the paths that are here and the template's: what was committed since is its owner's."""
    base = first_commit()
    if not git("ls-tree", base, "tools/init.py"):  # the history is the template's
        base = commit if commit and git("merge-base", commit, "HEAD") == commit else "HEAD"
    of_the_template = git("ls-tree", "-r", "-z", "--name-only", base)
    tracked = git("ls-files", "-z")
    return set(of_the_template.split("\0")) & set(tracked.split("\0")) - {""}


# --- the answers


def given_answers(public: dict[str, Any]) -> dict[str, str] | None:
    """Give the answers of the environment, nothing if there are none; refuse what is none."""
    if not (text := os.environ.get("ANSWERS")):
        return None
    answers = None
    with suppress(ValueError):
        answers = json.loads(text)
        answers = {} if answers is None else answers
    if not isinstance(answers, dict):
        sys.exit("init: ANSWERS has to be a JSON object")
    for question, answer in answers.items():
        if question not in public:
            sys.exit(f"init: ANSWERS: there is no question {question}")
        allowed = public[question]
        if isinstance(allowed, list) and answer not in ["", *allowed]:
            sys.exit(f"init: ANSWERS: {question} is one of {', '.join(allowed)}, not {answer!r}")
        if not isinstance(answer, bool if isinstance(allowed, bool) else str):
            sys.exit(f"init: ANSWERS: {question} can't be {json.dumps(answer)}")
    return {question: answer for question, answer in answers.items() if answer != ""}


def defaults(public: dict[str, Any], address: str) -> dict[str, str]:
    """Give what the repository says of the project."""
    name = os.environ.get("REPOSITORY_NAME") or HERE.name
    if name == address.rstrip("/").rpartition("/")[2].removesuffix(".git"):
        name = ""  # the template's
    words = [word for word in re.split(r"[-_.\s]+", name) if word]
    found = {
        "project_name": " ".join(
            "API" if word.lower() == "api" else word[0].upper() + word[1:] for word in words
        ),
        "description": os.environ.get("REPOSITORY_DESCRIPTION", "").strip(),
        "author_name": os.environ.get("REPOSITORY_OWNER") or git("config", "user.name"),
    }
    return {question: text for question, text in found.items() if text and question in public}


def literal(answers: dict[str, Any], public: dict[str, Any]) -> dict[str, Any]:
    """Write free texts as Jinja has them: cookiecutter renders what it is given."""
    return {
        question: f"{{{{ {json.dumps(answer, ensure_ascii=False)} }}}}"
        if isinstance(public[question], str)
        else str(answer)
        for question, answer in answers.items()
    }


def ask(public: dict[str, Any], address: str) -> dict[str, Any]:
    """Ask the template's questions."""
    context = generate_context(
        str(HERE / "cookiecutter.json"),
        extra_context=literal(defaults(public, address), public),
    )
    # What begins with two underscores is made of the answers, and changes them.
    context["cookiecutter"] = {
        name: value
        for name, value in context["cookiecutter"].items()
        if name == "__prompts__" or not name.startswith("__") and name != NOT_ASKED
    }
    asked = prompt_for_config(context)
    return {question: asked[question] for question in public if question in asked}


# --- the project


def render(
    answers: dict[str, Any], address: str, commit: str, folder: Path
) -> tuple[Path, dict[str, Any]]:
    """Render the project into a folder as `cruft create` does; give its path and all answers."""
    questions = json.loads((HERE / "cookiecutter.json").read_text(encoding="utf-8"))
    context = generate_context(
        str(HERE / "cookiecutter.json"), extra_context=literal(answers, questions)
    )
    context["cookiecutter"] = prompt_for_config(context, no_input=True)
    context["cookiecutter"][NOT_ASKED] = False
    if commit:
        context["cookiecutter"] |= {"_template": address, "_commit": commit}
    logging.disable()  # cookiecutter's word on a hook that has said all
    with without_output():
        project = Path(generate_files(HERE, context, str(folder)))
    if commit:
        state = {
            "template": address,
            "commit": commit,
            "checkout": None,
            "context": context,
            "directory": None,
        }
        text = json.dumps(state, ensure_ascii=False, indent=2) + "\n"
        (project / ".cruft.json").write_text(text, encoding="utf-8")
    return project, context["cookiecutter"]


@contextmanager
def without_output() -> Iterator[None]:
    """Keep the hooks' advice back: it is about the folder where this renders."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as null:
        os.dup2(null.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def replace(project: Path, old: set[str]) -> None:
    """Remove the template's files, and move the project to where they were."""
    new = [str(path.relative_to(project)) for path in project.rglob("*") if not path.is_dir()]
    if kept := [path for path in new if path not in old and os.path.lexists(HERE / path)]:
        sys.exit(
            f"init: these are not the template's, and the project has them too: {', '.join(kept)}"
        )
    for path in old:
        (HERE / path).unlink()
    for folder in sorted({folder for path in old for folder in Path(path).parents}, reverse=True):
        shutil.rmtree(HERE / folder / "__pycache__", ignore_errors=True)
        with suppress(OSError):  # what git ignores may be left in it
            if folder != Path():
                (HERE / folder).rmdir()
    for path in new:
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(project / path, HERE / path)


def report(answers: dict[str, Any], address: str, commit: str) -> None:
    """Say what was done, in the form of a commit's message."""
    print(f"Render {answers['project_name']} from the template\n")
    if commit:
        print(f"The template is {address}\nat {commit}.")
    else:
        why = f"{address} could not be read" if address else "The template's address is not known"
        print(f"{why}. This command lets `cruft update` follow the template:")
        chosen = {name: text for name, text in answers.items() if name != NOT_ASKED}
        command = ["cruft", "link", address or "ADDRESS", "--no-input", "--extra-context"]
        print(f"\n    {shlex.join([*command, json.dumps(chosen, ensure_ascii=False)])}")
    print("\nThe answers:\n")
    for question, answer in answers.items():
        if question != NOT_ASKED:
            print(f"    {question}: {answer}")


if __name__ == "__main__":
    main()
