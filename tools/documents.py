"""Write templates/docs/, the OpenAPI documents of the projects: `make docs`.

A document depends on the answers to `datastore`, `auth` and `model`. All projects run in the
environment of the last project, which has all requirements.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from tools.render import render
from tools.variants import TEMPLATE, Answers, name, product

DOCS = TEMPLATE / "templates/docs"
# Texts from the answers in a document, and the expressions that replace them.
TEXTS = {
    'title: "NAME"': 'title: "{{ cookiecutter.__name }}"',
    'description: "DESCRIPTION"': 'description: "{{ cookiecutter.__description }}"',
    'name: "AUTHOR"': 'name: "{{ cookiecutter.__author }}"',
    'name: "MIT"': 'name: "{{ cookiecutter.license }}"',
    'identifier: "MIT"': 'identifier: "{{ cookiecutter.__license }}"',
}
GIVEN: Answers = {"project_name": "NAME", "description": "DESCRIPTION", "author_name": "AUTHOR"}
SETTINGS = {"AUTH_ISSUER": "https://issuer.invalid", "AUTH_AUDIENCE": "api"}


def main() -> None:
    # Projects with Firestore and with sql have the same document.
    every = product(["datastore", "auth", "model"])
    every = [answers for answers in every if answers["datastore"] != "firestore"]
    written = {DOCS / f"{name(answers)}.yaml": answers for answers in every}
    for path in {*DOCS.iterdir()} - written.keys():
        path.unlink()
    for path in written:
        path.touch()  # rendering includes this file, so it must exist
    with tempfile.TemporaryDirectory() as folder:
        projects = {
            path: render(GIVEN | written[path], Path(folder, path.stem)) for path in written
        }
        *_, most = projects.values()
        subprocess.run(["make", "--silent", "develop"], cwd=most, check=True)
        for path, project in projects.items():
            command = [most / ".venv/bin/python", "-m", "docs.export"]
            subprocess.run(command, cwd=project, check=True, env=os.environ | SETTINGS)
            text = (project / "docs/swagger.yaml").read_text(encoding="utf-8")
            for given, rendered in TEXTS.items():
                text = text.replace(given, rendered)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
