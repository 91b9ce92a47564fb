"""What rendered files say of each other and of the code."""

import ast
import re
from pathlib import Path

from tests.conftest import Bake
from tests.rendering.test_rendering import texts
from tests.support.marks import parametrize
from tools.variants import Answers, distinct

every = parametrize(distinct())
# What the pages tell an owner to write.
OWNER_S = re.compile(r"(api|tests)/(test_)?(quotes|orders|rates|errors|extensions)(\.py|/.*)?")
PATH = re.compile(
    r"(?<![\w/.-])(?:api|bin|chassis|docs|migrations|requirements|tests)/[\w./-]*\.(?:in|md|py|sh|txt|yaml)\b"
)


def code_of(project: Path) -> dict[str, str]:
    """Return what a project's developers read that is neither a page nor a list of packages."""
    pages = (".md", ".txt", ".html", ".yml")
    return {
        path: text
        for path, text in texts(project).items()
        if not path.endswith(pages) and path not in ("LICENSE", "docs/swagger.yaml")
    }


@every
def test_a_path_that_is_named_is_a_file(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    for path, text in texts(project).items():
        if path.startswith((".github/", "requirements/", "tests/")) or path == "LICENSE":
            continue
        for named in PATH.findall(text):
            place = project / Path(path).parent / named
            exists = (project / named).exists() or place.exists() or OWNER_S.fullmatch(named)
            assert exists, f"{path} names {named}"


@every
def test_each_command_and_path_of_the_guide_for_agents_exists(bake: Bake, answers: Answers) -> None:
    project = bake(**answers)
    makefile = (project / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    quoted = re.findall(r"`([^`]+)`", (project / "AGENTS.md").read_text(encoding="utf-8"))
    assert len(quoted) > 15
    for text in quoted:
        command, *words = text.split()
        if command == "make":
            assert {word for word in words if re.fullmatch("[a-z-]+", word)} <= targets, text
        else:
            for word in [command, *words]:
                if "/" in word and not word.startswith(".venv/"):
                    assert list(project.glob(word)), text


@every
def test_code_names_the_thing_and_not_a_person(bake: Bake, answers: Answers) -> None:
    word = re.compile(r"\b(who|whom|whoever|him|somebody|nobody|anybody)\b", re.IGNORECASE)
    for path, text in code_of(bake(**answers)).items():
        for line in text.splitlines():
            assert not word.search(line), f"{path}: {line}"


@every
def test_the_application_imports_public_names_of_the_chassis_alone(
    bake: Bake, answers: Answers
) -> None:
    project = bake(**answers)
    public: dict[str, list[str]] = {}
    for path in project.glob("chassis/**/*.py"):
        names = re.findall(r"^__all__ = (\[.*?\])", path.read_text("utf-8"), re.M | re.S)
        module = ".".join(path.relative_to(project).with_suffix("").parts)
        public[module.removesuffix(".__init__")] = ast.literal_eval(names[0]) if names else []
    for path in project.glob("api/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chassis"):
                names = {alias.name for alias in node.names}
                assert names <= set(public[str(node.module)]), f"{path}: {names}"
