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


def blocks(project: Path, page: str, heading: str) -> list[str]:
    """Return the code blocks of a section of a page."""
    text = (project / page).read_text(encoding="utf-8")
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)


def add_the_parcels_of_the_readme(project: Path) -> None:
    """Follow the README's section "Describe an operation", except for its tests."""
    *module, registration, credentials = blocks(project, "README.md", "Describe an operation")
    (project / "api/parcels.py").write_text("\n\n".join(module), encoding="utf-8")
    factory = project / "api/__init__.py"
    add_after(factory, r"from \.(greetings|items) .*", "from .parcels import parcels")
    add_after(factory, r"    app\.register_blueprint\(.*", registration)
    calls = "    case.call_and_validate(app=app)\n"
    replace(project / "tests/test_contract.py", calls, credentials)
