"""Write the table of docs/answers.md, which shows what each answer adds: `make listings`.

Files, lines and packages are counted in rendered projects. The measured boot and memory stay in the
table: bench/answers.py writes them.
"""

import re
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

from tools.listings import files
from tools.render import render
from tools.variants import AXES, NEUTRAL, TEMPLATE, Answers, words

PAGE = TEMPLATE / "docs/answers.md"
HEAD = (
    "| answer | files | lines of `api/` | of `chassis/` | of `tests/` | packages | boot | memory |\n"
    "|---|---|---|---|---|---|---|---|\n"
)
FOLDERS = ("api/", "chassis/", "tests/")
# The container's platform, for the packages that only some platforms need.
PLATFORM = {"os_name": "posix", "platform_machine": "x86_64", "sys_platform": "linux"}
PLATFORM |= {"platform_system": "Linux", "platform_python_implementation": "CPython"}
NOT_MEASURED = ("not measured", "not measured")


def rows() -> list[Answers]:
    """Return the default answers, and each other answer except licenses and Python versions."""
    asked = [question for question in AXES if question not in ("license", "python_version")]
    return [{}, *({question: each} for question in asked for each in AXES[question][1:])]


def runs(answers: Answers) -> bool:
    """Return whether an answer changes the running code, and so boot and memory."""
    return not answers.keys() & NEUTRAL.keys()


def label(answers: Answers) -> str:
    return f"`{words(answers)}`" if answers else "all defaults"


def counts(project: Path) -> list[int]:
    """Return the number of files, the lines of Python by folder, and the number of packages."""
    paths = files(project)
    lines = [
        sum(
            len((project / path).read_text(encoding="utf-8").splitlines())
            for path in paths
            if path.startswith(folder) and path.endswith(".py")
        )
        for folder in FOLDERS
    ]
    return [len(paths), *lines, packages(project)]


def packages(project: Path) -> int:
    """Return the number of packages that the image installs."""
    lock = (project / "requirements/common.txt").read_text(encoding="utf-8")
    image = (project / "Dockerfile").read_text(encoding="utf-8")
    (version,) = re.findall(r"^FROM python:([\d.]+)", image, re.MULTILINE)
    here = PLATFORM | {"python_version": version, "python_full_version": f"{version}.0"}
    found = re.findall(r"^([\w.-]+(?:\[.*\])?==[^\\\n]*)", lock, re.MULTILINE)
    markers = [Requirement(line).marker for line in found]
    return sum(marker is None or marker.evaluate(here) for marker in markers)


def measured(page: str) -> dict[str, tuple[str, str]]:
    """Return the boot and the memory that a page has for each answer."""
    cells = re.findall(r"^\| (.+?) \|.* \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    return {name: (boot, memory) for name, boot, memory in cells}


def table(figures: dict[str, tuple[str, str]]) -> str:
    """Return the table, with the measured figures of each answer."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        default = counts(render({}, Path(folder, "default")))
        for answers in rows():
            cells = [f"{count:,}" for count in default]
            if answers:
                own = counts(render(answers, Path(folder, words(answers))))
                pairs = zip(own, default, strict=True)
                cells = [f"{more:+,}" if (more := new - old) else "0" for new, old in pairs]
            last = figures.get(label(answers), NOT_MEASURED) if runs(answers) else ("0", "0")
            lines.append(f"| {' | '.join([label(answers), *cells, *last])} |\n")
    return HEAD + "".join(lines)


def fill(page: str, mark: str, text: str) -> str:
    """Return the page with a text between a mark and its end."""
    pattern = re.compile(rf"(<!-- computed: {mark} -->\n).*?(?=<!-- end -->)", re.DOTALL)
    (found,) = pattern.finditer(page)
    return page[: found.end(1)] + f"\n{text}\n" + page[found.end() :]


def filled(page: str) -> str:
    """Return the page with its counts as they are now."""
    return fill(page, "answers", table(measured(page)))


def main() -> None:
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
