"""Collect the conditions of the template's files, and of `_files` in cookiecutter.json."""

from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined, Template, nodes

from tools.variants import PROJECT, QUESTIONS, Answers

JINJA = Environment(undefined=StrictUndefined, **QUESTIONS["_jinja2_env_vars"])


class Condition(NamedTuple):
    """A condition: its place, and a template that renders `True` or `False`."""

    place: str
    template: Template

    def holds(self, answers: Answers) -> bool:
        return self.template.render(cookiecutter=answers) == "True"


@cache
def conditions() -> tuple[Condition, ...]:
    """Return the conditions of all files, joined with their outer conditions, and of `_files`."""
    found = []
    for path in sorted(filter(lambda path: path.is_file(), PROJECT.rglob("*"))):
        place = path.relative_to(PROJECT).as_posix()
        if any(fnmatch(place, pattern) for pattern in QUESTIONS["_copy_without_render"]):
            continue
        try:
            tree = JINJA.parse(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # cookiecutter copies binary files.
            continue
        found += [Condition(f"{place}:{test.lineno}", compiled(test)) for test in tests(tree)]
    for entry in QUESTIONS["_files"]:
        terms = [f"cookiecutter.{name} in {given}" for name, given in entry["only"].items()]
        template = JINJA.from_string("{{ " + " and ".join(terms) + " }}")
        found.append(Condition(f"_files: {', '.join(entry['paths'])}", template))
    return tuple(found)


def tests(node: nodes.Node, *around: nodes.Expr) -> Iterator[nodes.Expr]:
    """Yield the conditions of a tree, each joined with its outer conditions."""
    if isinstance(node, nodes.If):
        for branch in (node, *node.elif_):
            if names(branch.test):
                yield joined(*around, branch.test)
                for inner in branch.body:
                    yield from tests(inner, *around, branch.test)
            around = (*around, nodes.Not(branch.test, lineno=branch.lineno))
        for inner in node.else_:
            yield from tests(inner, *around)
    else:
        if isinstance(node, nodes.CondExpr):
            yield joined(*around, node.test)
        for inner in node.iter_child_nodes():
            yield from tests(inner, *around)


def names(test: nodes.Expr) -> bool:
    """Return whether a condition uses an answer; `# % if false` does not."""
    return any(name.name == "cookiecutter" for name in [*test.find_all(nodes.Name)])


def joined(*tests: nodes.Expr) -> nodes.Expr:
    whole, *rest = tests
    for test in rest:
        whole = nodes.And(whole, test, lineno=test.lineno)
    return whole


def compiled(test: nodes.Expr) -> Template:
    tree = nodes.Template([nodes.Output([test], lineno=test.lineno)], lineno=test.lineno)
    code = JINJA.compile(tree.set_environment(JINJA))
    return Template.from_code(JINJA, code, {})
