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
import socket
import sys
from contextlib import ExitStack
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.running import running, seconds, step
from tools.variants import COOKIECUTTER, DEFAULTS, QUESTIONS, TEMPLATE, words

ASKED = {name: given for name, given in QUESTIONS.items() if not name.startswith("_")}
OWN = ("BUILD", "PORT", "PYTHON")
PROJECT = Path(os.environ.get("BUILD") or "build") / "demo"
GCLOUD = "https://cloud.google.com/sdk/docs/install"


def read(names: list[str]) -> dict[str, str]:
    """Return the answers among make's variables; exit if one is unknown or invalid."""
    answers = {name: os.environ.get(name, "") for name in names if name not in OWN}
    for name, answer in answers.items():
        if name not in ASKED:
            near = "".join(f" Did you mean {each}?" for each in get_close_matches(name, ASKED, 1))
            known = f"The questions are {', '.join(ASKED)}. {', '.join(OWN)} can be set, too."
            sys.exit(f"demo: {name} is not a question.{near} {known}")
        given = ["false", "true"] if isinstance(ASKED[name], bool) else ASKED[name]
        if isinstance(given, list) and answer not in given:
            sys.exit(f"demo: {name}={answer} is not an answer. Choose one of {', '.join(given)}.")
        if mark := re.search(r"{[{%#]", answer):
            why = "because cookiecutter would read it as template syntax"
            sys.exit(f"demo: {name}={answer} must not contain {mark[0]}, {why}.")
    for rule in QUESTIONS["_refused"]:
        chosen = {name: answers.get(name, DEFAULTS[name]) for name in rule["answers"]}
        if all(chosen[name] in refused for name, refused in rule["answers"].items()):
            sys.exit(f"demo: {words(chosen)} is not possible: {rule['why']}")
    if answers.get("datastore") == "firestore" and not shutil.which("gcloud"):
        sys.exit(f"demo: datastore=firestore needs the gcloud CLI and its emulator: {GCLOUD}")
    return answers


def free(first: int) -> int:
    """Return the first port, from `first` on, that a server can listen on."""
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    for port in range(first, min(first + 100, 65_536)):
        try:
            socket.create_server(("", port), family=family, dualstack_ipv6=dual).close()
        except PermissionError:
            example = "Use 1024 or higher. For example: make demo PORT=8081"
            sys.exit(f"demo: no permission to listen on port {port}. {example}")
        except OSError:
            continue
        return port
    sys.exit(f"demo: no port from {first} to {port} is free")


def settings(answers: dict[str, str]) -> dict[str, str]:
    """Return the settings of the project's server, with free ports."""
    given = os.environ.get("PORT", "")
    if not re.fullmatch(r"\d{0,5}", given) or int(given or 1) not in range(1, 65_536):
        sys.exit(f"demo: PORT={given} is not a port (1 to 65535). For example: make demo PORT=8081")
    port = free(int(given or 8080))
    if given and port != int(given):
        sys.exit(f"demo: port {given} is in use. For example: make demo PORT={port}")
    own = {"PORT": str(port)}
    if answers.get("auth") == "jwt":
        own |= {"AUTH_ISSUER": f"http://localhost:{free(8300)}", "AUTH_AUDIENCE": "demo"}
    if answers.get("datastore") == "firestore":
        own["FIRESTORE_EMULATOR_HOST"] = f"localhost:{free(8200)}"
    if answers.get("telemetry") == "prometheus":
        own["METRICS_PORT"] = str(free(9464))
    return own


def render(answers: dict[str, str], own: dict[str, str]) -> None:
    """Replace PROJECT with a rendered project; keep the old one if an answer is refused."""
    try:
        PROJECT.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"demo: BUILD={PROJECT.parent} cannot be used: {error.strerror}")
    given = [f"{name}={answer}" for name, answer in answers.items() if name != "run_tests"]
    with TemporaryDirectory(dir=PROJECT.parent) as folder:
        command = [sys.executable, "-c", COOKIECUTTER, "--no-input", "--default-config"]
        step(f"Rendering a project into {PROJECT}", *command, "-o", folder, TEMPLATE, *given)
        (project,) = Path(folder).iterdir()
        shutil.rmtree(PROJECT, ignore_errors=True)
        project.rename(PROJECT)
    lines = [f"{name}={text}\n" for name, text in own.items()]
    (PROJECT / ".env").write_text("".join(lines), encoding="utf-8")


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
