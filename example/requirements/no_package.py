"""Refuse to build or install the project; pyproject.toml names this module as its build backend.

A package would lack the migrations and the scripts, and its requirements would not be locked.
"""

import sys


def refuse(*_args: object, **_options: object) -> None:
    sys.exit(
        "This project is a service, not a package, so it cannot be built or installed.\n"
        "To install its requirements into .venv, run: make develop\n"
        "To install the server's requirements elsewhere, run: python -m pip install --require-hashes -r requirements/common.txt"
    )


# https://peps.python.org/pep-0517/: some tools call get_requires_for_build_* before build_*.
get_requires_for_build_wheel = get_requires_for_build_sdist = refuse
get_requires_for_build_editable = refuse
build_wheel = build_sdist = build_editable = refuse
