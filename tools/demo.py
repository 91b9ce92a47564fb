"""Render a project into build/demo, install it and serve it: `make demo`.

    python -m tools.demo [NAME …]

The names are the variables of make's command line. Their values are environment variables: answers
to questions of cookiecutter.json, BUILD, PORT and PYTHON. An answer that is not named is not read,
because the environment may have a `license` of its own.
"""

import os
import re
import shlex
import shutil
import signal
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.given import read, settings
from tools.running import running, seconds, step
from tools.variants import COOKIECUTTER, TEMPLATE

PROJECT = Path(os.environ.get("BUILD") or "build") / "demo"
# The first line of the project's .env. A folder without it belongs to the user, and is kept.
MARK = "# make demo wrote this folder, and the next one replaces it."


def render(answers: dict[str, str], own: dict[str, str]) -> None:
    """Replace PROJECT with a rendered project; keep the old one if an answer is refused."""
    if os.path.lexists(PROJECT) and not is_demo(PROJECT):
        why = f"`make demo` did not write {PROJECT}, so it is not replaced"
        sys.exit(f"demo: {why}. Move it, or use another folder: make demo BUILD=build/other")
    try:
        PROJECT.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"demo: BUILD={PROJECT.parent} cannot be used: {error.strerror}")
    given = [f"{name}={answer}" for name, answer in answers.items() if name != "run_tests"]
    with TemporaryDirectory(dir=PROJECT.parent) as folder:
        command = [sys.executable, "-c", COOKIECUTTER, "--no-input", "--default-config"]
        step(f"Rendering a project into {PROJECT}", *command, "-o", folder, TEMPLATE, *given)
        (project,) = Path(folder).iterdir()
        lines = [f"{MARK}\n", *(f"{name}={text}\n" for name, text in own.items())]
        (project / ".env").write_text("".join(lines), encoding="utf-8")
        shutil.rmtree(PROJECT, ignore_errors=True)
        try:
            project.rename(PROJECT)
        except OSError as error:
            fix = "If another `make demo` uses it, set another folder: make demo BUILD=build/other"
            sys.exit(f"demo: {PROJECT} cannot be replaced: {error.strerror}. {fix}")


def is_demo(folder: Path) -> bool:
    """Return whether a path is a folder, not a link, with the .env of `make demo`."""
    try:
        text = (folder / ".env").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not folder.is_symlink() and text.startswith(MARK)


def environment() -> dict[str, str]:
    """Return the environment without make's variables and without settings of the project."""
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    names = {"MAKEFLAGS", "MAKELEVEL", *re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE)}
    return {name: value for name, value in os.environ.items() if name not in names}


def serve(answers: dict[str, str], own: dict[str, str]) -> None:
    """Serve the project, with its issuer or emulator, until Ctrl-C."""
    start = partial(running, cwd=PROJECT, env=environment())
    authorization = token = ""
    with ExitStack() as stack:
        if issuer := own.get("AUTH_ISSUER"):
            command = ["bin/run.sh", "python", "-m", "tests.chassis.issuer"]
            stack.enter_context(start("a local issuer of tokens", f"{issuer}/keys", *command))
            token = f"make --silent -C {shlex.quote(str(PROJECT))} token"
            authorization = f' -H "Authorization: Bearer $({token})"'
        if emulator := own.get("FIRESTORE_EMULATOR_HOST"):
            command = ["gcloud", "emulators", "firestore", "start", f"--host-port={emulator}"]
            # The emulator's first response may take longer than the API's timeout.
            url = f"http://{emulator}/v1/projects/none/databases/(default)/documents/none"
            stack.enter_context(start("the Firestore emulator", url, *command))
        address = f"http://localhost:{own['PORT']}"
        server = start("the server", f"{address}/health", "bin/run.sh", quiet=False)
        process = stack.enter_context(server)
        example = "greetings" if answers.get("datastore", "none") == "none" else "items"
        body = """-H 'Content-Type: application/json' -d '{"name": "Ada"}'"""
        print(f"\nServed after {seconds()}:\n")
        print(f"  the page     {address}/docs")
        print(f"  a request    curl {address}/api/v1/{example} {body}{authorization}")
        if token:
            print(f"  a token      {token}")
        print(f"  the project  {PROJECT}. The next `make demo` replaces it: keep a copy.")
        print("\nCtrl-C stops the server.\n", flush=True)
        process.wait()
        sys.exit("demo: the server has stopped")


def main(names: list[str]) -> None:
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.default_int_handler)
    # uv and Python are in the same folder.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    try:
        answers = read(names)
        own = settings(answers)
        render(answers, own)
        make = ["make", "-s", "-C", PROJECT, f"PYTHON={sys.executable}"]
        step("Installing its requirements", *make, "develop", MAKEFLAGS="")
        if answers.get("run_tests") == "true":
            step("Running its tests", *make, "test", MAKEFLAGS="")
        serve(answers, own)
    except KeyboardInterrupt:
        sys.exit("\ndemo: stopped")
    except OSError as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
