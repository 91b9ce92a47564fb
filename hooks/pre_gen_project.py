"""Refuses an answer that cannot be rendered well, before anything is written.

cookiecutter checks choices and booleans itself.
"""

import json
import re
import sys
import unicodedata

# cookiecutter puts the answers here, as data: JSON escapes every quote, so no answer ends the string.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
EXAMPLES = {
    "project_name": "My Flask API",
    "description": "A production Flask API.",
    "author_name": "Ada Lovelace",
}
# Control characters, line breaks, and what is no character: no file format could hold them all.
REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036
        refuse(
            "Python",
            sys.version.split()[0],
            "cookiecutter has to run on 3.11 or newer",
            "uvx --python 3.13 cookiecutter …",
        )
    # The folder is made before this hook runs, so cookiecutter.json keeps a slug that is no good
    # for a folder's name away from it: what was given is __slug.
    slug = ANSWERS["__slug"]
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?", slug):
        rule = (
            "use 1 to 49 lower-case letters, digits and hyphens, a letter first and no hyphen last"
        )
        refuse("project_slug", slug, rule, "my-flask-api")
    for question, example in EXAMPLES.items():
        if fault := fault_of(ANSWERS[question]):
            refuse(question, ANSWERS[question], fault, example)


def fault_of(text: str) -> str:
    """Say what is wrong with a free text; nothing, if it can be rendered."""
    if not text.strip():
        return "it needs at least one visible character"
    if text != text.strip():
        return "it must not begin or end with white space"
    for character in text:
        if unicodedata.category(character) in REFUSED_CATEGORIES or character in "\ufffe\uffff":
            return f"it must be one line without control characters, and has U+{ord(character):04X}"
    if mark := re.search(r"\x7b[\x7b%#]|^# %", text):
        return f"it must not have {mark[0]} in it, which cookiecutter takes for its own"
    return ""


def refuse(question: str, value: str, rule: str, example: str) -> None:
    sys.exit(f"{question}: {value!r} is not valid: {rule}. For example: {example}")


if __name__ == "__main__":
    main()
