"""Changes that tests make in the files of a project."""

import re
from pathlib import Path


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def replace(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence; fail if there is none."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def add_after(path: Path, line: str, text: str) -> None:
    """Add text below the first line that matches."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    number = next(number for number, each in enumerate(lines) if re.fullmatch(line, each.rstrip()))
    path.write_text("".join([*lines[: number + 1], text + "\n", *lines[number + 1 :]]), "utf-8")


def section(project: Path, page: str, heading: str) -> str:
    """Return the text of a section of a page."""
    text = (project / page).read_text(encoding="utf-8")
    found = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, f"{page} has no section {heading}"
    return found


def blocks(project: Path, page: str, heading: str = "") -> list[str]:
    """Return the code blocks of a page, or of one of its sections."""
    text = (project / page).read_text(encoding="utf-8")
    return re.findall(
        r"```\w+\n(.*?)```", section(project, page, heading) if heading else text, re.DOTALL
    )


def add_fields(folder: Path, name: str, fields: str) -> None:
    """Add fields to a class; replace existing fields.

    They follow the field `description`, or are the first if the class has no such field.
    """
    (path,) = [path for path in folder.glob("*.py") if f"class {name}(" in path.read_text("utf-8")]
    before, opening, after = re.split(rf"(class {name}\(.*\n)", path.read_text(encoding="utf-8"))
    body, gap, rest = after.partition("\n\n\n")
    body += "\n"
    for field in re.findall(r"^    (\w+)(?=:| =)", fields, re.MULTILINE):
        body = re.sub(rf"^    {field}(:| =).*\n?", "", body, flags=re.MULTILINE)
    first, described, last = re.split(r"(    description: .*\n|\Z)", body, maxsplit=1)
    if not described:
        first, last = "", body
    path.write_text(
        before + opening + first + described + fields + last.rstrip("\n") + gap + rest, "utf-8"
    )


def register(factory: Path, imports: str, registration: str) -> None:
    """Register a blueprint below the example's."""
    add_after(factory, r"from \.(greetings|items) .*", imports)
    add_after(factory, r".*\((greetings|items), .*", registration.rstrip())


def replace_function(path: Path, name: str, code: str) -> None:
    """Replace a function of a module, with its decorators."""
    old = rf"(@.*\n)*def {name}\((.*\n)+?(?=\n\n|\Z)"
    text, count = re.subn(old, lambda _: code, path.read_text(encoding="utf-8"))
    assert count == 1, f"{path} has {count} functions {name}"
    path.write_text(text, encoding="utf-8")


def add_the_parcels(project: Path) -> None:
    """Add the example of docs/operations.md, and its credentials for the contract test."""
    *module, registration, credentials = blocks(project, "docs/operations.md")
    (project / "api/parcels.py").write_text("\n\n".join(module), encoding="utf-8")
    factory = project / "api/__init__.py"
    add_after(factory, r"from \.(greetings|items) .*", "from .parcels import parcels")
    add_after(factory, r"    app\.register_blueprint\(.*", registration)
    calls = "    case.call_and_validate(app=app)\n"
    replace(project / "tests/test_contract.py", calls, credentials)
