"""Read the answers and the settings of `make demo`; exit with a correction if one is invalid."""

import os
import re
import shutil
import socket
import sys
from difflib import get_close_matches

from tools.variants import DEFAULTS, QUESTIONS, words

ASKED = {name: given for name, given in QUESTIONS.items() if not name.startswith("_")}
OWN = ("BUILD", "PORT", "PYTHON")
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
