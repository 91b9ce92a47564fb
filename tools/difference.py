"""Show how a change of the template changes the projects.

`python -m tools.difference BASE [FOLDER]` renders every distinct project from the commit BASE and from
the working tree. It writes a patch for each changed project into FOLDER, and prints a Markdown summary.
"""

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.variants import COOKIECUTTER, QUESTIONS, TEMPLATE, Answers, distinct, name, words

# GitHub accepts a summary of up to 1 MiB. The rest is for the text around the patches.
LIMIT = 900_000


def run(*command: str | Path, cwd: Path = TEMPLATE, fine: tuple[int, ...] = (0,)) -> bytes:
    """Run a command and return its output; exit with the output if it fails."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE)
    if done.returncode not in fine:
        sys.stderr.buffer.write(done.stdout)
        line = shlex.join(map(str, command))
        sys.exit(f"difference: this command failed with {done.returncode} (see above): {line}")
    return done.stdout


def ask(template: Path) -> dict[str, Any]:
    """Return a template's questions with their answers."""
    questions = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
    return {question: given for question, given in questions.items() if question[0] != "_"}


def gone(base: Path) -> list[str]:
    """Return the removed questions and answers; their projects are not compared."""
    words = []
    for question, given in ask(base).items():
        if question not in QUESTIONS:
            words.append(question)
        elif isinstance(given, list) and isinstance(QUESTIONS[question], list):
            words += [
                f"{question}={answer}" for answer in given if answer not in QUESTIONS[question]
            ]
    return words


def known(template: Path, answers: Answers) -> Answers | None:
    """Drop questions that the template does not ask; return None if it lacks an answer."""
    questions = ask(template)
    asked = {question: answer for question, answer in answers.items() if question in questions}
    for question, answer in asked.items():
        if isinstance(questions[question], list) and answer not in questions[question]:
            return None
    return asked


def render(template: Path, answers: Answers, folder: Path) -> None:
    """Render a project into `folder`; leave it empty if the template lacks one of the answers."""
    if (asked := known(template, answers)) is None:
        folder.mkdir()
        return
    around = folder.with_suffix(".rendered")
    cookiecutter = [sys.executable, "-c", COOKIECUTTER, "--no-input", "--default-config"]
    run(*cookiecutter, "--output-dir", around, template, *words(asked).split())
    (project,) = around.iterdir()
    project.rename(folder)


def patch(base: Path, answers: Answers) -> bytes:
    """Return the patch between the two renderings of a project."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # The folders have the names of git's usual prefixes, so `git apply` accepts the patch.
        render(base, answers, folder / "a")
        render(TEMPLATE, answers, folder / "b")
        diff = [
            "git",
            "diff",
            "--no-index",
            "--no-prefix",
            "--no-ext-diff",
            "--no-color",
            "--binary",
        ]
        return run(*diff, "a", "b", cwd=folder, fine=(0, 1))


def stat(patch: Path) -> str:
    """Count a patch's changed lines by file.

    Runs in /, because in a subfolder of a repository git omits the files outside it.
    """
    return str(run("git", "apply", "--stat", patch.resolve(), cwd=Path("/")), "utf-8")


def cut(text: str, size: int) -> str:
    """Truncate a text after its last line that fits into a number of bytes."""
    if len(data := text.encode()) <= size:
        return text
    return data[: data.rfind(b"\n", 0, max(size, 0)) + 1].decode()


def block(language: str, text: str) -> str:
    """Put a text into a fence longer than any in the text."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}{fence}\n"


def main(base: str, folder: Path) -> None:
    found = ["git", "rev-parse", "--quiet", "--verify", f"{base}^{{commit}}"]
    if subprocess.run(found, cwd=TEMPLATE, stdout=subprocess.DEVNULL).returncode:
        example = "Run `git fetch`, or name another, for example: make difference BASE=HEAD"
        sys.exit(f"difference: {base} is not a commit in this clone. {example}")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.patch"):
        old.unlink()
    same: dict[bytes, list[str]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary, "base.tar")
        run("git", "archive", "--output", archive, base)
        run("tar", "-xf", archive, cwd=Path(temporary))
        removed = gone(Path(temporary))
        for answers in distinct():
            if difference := patch(Path(temporary), answers):
                same.setdefault(difference, []).append(name(answers))
                (folder / f"{name(answers)}.patch").write_bytes(difference)
    changed = sum(map(len, same.values()))
    print(f"## {changed or 'None'} of {len(distinct())} projects differ from {base}'s")
    if removed:
        print(f"\nRemoved, and not compared: {', '.join(removed)}")
    for difference, names in same.items():
        counts = stat(folder / f"{names[0]}.patch")
        text = difference.decode("utf-8", "replace")
        shown = cut(text, LIMIT // len(same) - len(counts.encode()))
        rest = "" if shown == text else f"\nThe rest is in {names[0]}.patch.\n"
        print(f"\n### {', '.join(names)}\n\n{block('text', counts)}")
        print(f"<details><summary>Patch</summary>\n\n{block('diff', shown)}{rest}\n</details>")


if __name__ == "__main__":
    main(sys.argv[1], Path(*sys.argv[2:] or [TEMPLATE / "build/difference"]))
