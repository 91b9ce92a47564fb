"""The application imports the chassis; the chassis never imports the application."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = [*ROOT.glob("chassis/**/*.py"), *ROOT.glob("tests/chassis/**/*.py")]
# The importable names of the project, except the chassis.
OWN = {path.stem for path in ROOT.iterdir() if path.is_dir() or path.suffix == ".py"} - {"chassis"}


def test_the_chassis_imports_nothing_else_of_the_project() -> None:
    for module in MODULES:
        path = module.relative_to(ROOT)
        nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
        names = [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                assert node.level < len(path.parts), f"{path} imports beyond its package"
                names += [node.module or ""] * (node.level == 0)
        assert {name.partition(".")[0] for name in names} & OWN == set(), path
