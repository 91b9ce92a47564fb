"""Checks for every rendered project; each yields the faults that it finds."""

import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.support.machine import run
from tools.listings import files, listed
from tools.variants import Answers

READERS: dict[str, Callable[[str], object]] = {
    ".json": json.loads,
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}
# The suffixes of binary files.
BINARY = {".onnx"}
# Names that Windows does not allow: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
ILLEGAL = re.compile(r'[<>:"\\|?*]|[ .]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
# Words that must not remain. If the condition is true, an answer was not chosen. The pattern
# matches the words of that answer.
RESIDUE: list[tuple[Callable[[Answers], bool], str]] = [
    (lambda answers: answers["ci"] != "github", r"github(?!\.com|\.io)|dependabot|gha-creds"),
    (lambda answers: answers["ci"] != "gitlab", "gitlab|renovate"),
    (lambda answers: answers["deploy"] != "cloud-run", "cloud.run"),
    (
        lambda answers: answers["deploy"] != "cloud-run" and answers["auth"] != "jwt",
        "K_SERVICE",
    ),
    (
        lambda answers: answers["auth"] != "jwt",
        r"jwt|jwks|AUTH_(ISSUER|AUDIENCE)|IN_IMAGE|LOCAL_ISSUER|make (issuer|token)|\bauth\.md",
    ),
    (lambda answers: answers["datastore"] != "firestore", "firestore"),
    (lambda answers: answers["datastore"] != "sql", "sqlalchemy|alembic|psycopg|DATABASE_URL"),
    (
        lambda answers: answers["deploy"] != "cloud-run" and answers["datastore"] != "firestore",
        "google(?!apis-common-protos)|gcloud",
    ),
    (
        lambda answers: answers["model"] != "onnx",
        r"onnx|numpy|sklearn|scikit|MODEL_PATH|make train|training/|\bmodel\.md|chassis\.model|prediction",
    ),
    # ONNX Runtime has its own telemetry; google-cloud-firestore requires an OpenTelemetry package.
    (
        lambda answers: answers["telemetry"] == "none" and answers["model"] != "onnx",
        r"(?<!open)telemetry",
    ),
    (
        lambda answers: answers["telemetry"] == "none",
        r"telemetry\.md|chassis.telemetry|test_telemetry",
    ),
    (
        lambda answers: answers["telemetry"] != "otlp",
        r"otlp|OTEL_|chassis\.(telemetry|traceparent|status\")|chassis/collector|traceparent\.get|tracer\(",
    ),
    (
        lambda answers: answers["telemetry"] != "otlp" and answers["datastore"] != "firestore",
        "opentelemetry",
    ),
    (lambda answers: answers["telemetry"] != "prometheus", "prometheus|METRICS_PORT"),
]
# Example files that the pages tell an owner to write.
OWN = re.compile(
    r"(api|tests|training)/(test_)?(card|quotes|orders|parcels|rates|errors|extensions)(\.py|/.*)?"
)
PATH = re.compile(
    r"(?<![\w/.-])(?:api|bin|chassis|docs|migrations|requirements|tests|training)/[\w./-]*\.(?:in|md|py|sh|txt|yaml)\b"
)
PERSON = re.compile(r"\b(who|whom|whoever|him|somebody|nobody|anybody)\b", re.IGNORECASE)


class Project(NamedTuple):
    """A rendered project: its folder, its answers, and its texts by path."""

    folder: Path
    answers: Answers
    texts: dict[str, str]


def texts(project: Path) -> dict[str, str]:
    """Return the text of each rendered file by path, except binary files."""
    paths = sorted(path for path in files(project) if Path(path).suffix not in BINARY)
    return {path: (project / path).read_bytes().decode("utf-8") for path in paths}


def faults(folder: Path, answers: Answers) -> list[str]:
    """Return the faults that the checks find in a project."""
    project = Project(folder, answers, texts(folder))
    return [f"{check.__name__}: {fault}" for check in CHECKS for fault in check(project)]


def parses(project: Project) -> Iterator[str]:
    for path, text in project.texts.items():
        if fault := parsed(Path(path).suffix, text):
            yield f"{path}: {fault}"


@cache
def parsed(suffix: str, text: str) -> str:
    """Return why a text does not parse, or nothing; each distinct text is parsed once."""
    try:
        READERS.get(suffix, str)(text)
    except (SyntaxError, ValueError, yaml.YAMLError) as error:
        return str(error) or repr(error)
    return ""


def has_nothing_of_the_template(project: Project) -> Iterator[str]:
    for path, text in project.texts.items():
        if path.startswith(".github/workflows/"):
            text = re.sub(r"\$\{\{.*?\}\}", "", text)  # GitHub's; these are copied, not rendered
        for found in re.findall(r"cookiecutter|\{[{%#]|[%#]\}|^\s*# %", text, re.MULTILINE):
            yield f"{path}: {found}"


def has_nothing_of_an_answer_that_was_not_chosen(project: Project) -> Iterator[str]:
    for pattern in (pattern for left_out, pattern in RESIDUE if left_out(project.answers)):
        for path, text in project.texts.items():
            if found := first(pattern, text):
                yield f"{path}: {found}"


@cache
def first(pattern: str, text: str) -> str:
    """Return the first match in a text, or nothing; each distinct text is searched once."""
    found = re.search(pattern, text, re.IGNORECASE)
    return found[0] if found else ""


def is_tidy(project: Project) -> Iterator[str]:
    for path, text in project.texts.items():
        prose = re.sub(r"^```.*?^```$", "code", text, flags=re.MULTILINE | re.DOTALL)
        if "\r" in text:
            yield f"{path}: a carriage return"
        if not text.endswith("\n") or text.endswith("\n\n"):
            yield f"{path}: it does not end with one line break"
        if path != "LICENSE" and text.startswith("\n"):
            yield f"{path}: it begins with an empty line"
        if re.search(r"[ \t]$", text, re.MULTILINE):
            yield f"{path}: space at the end of a line"
        if path != "LICENSE" and not path.endswith(".py") and "\n\n\n" in prose:
            yield f"{path}: two empty lines"


def has_legal_paths(project: Project) -> Iterator[str]:
    for path in project.folder.rglob("*"):
        if ILLEGAL.search(path.name):
            yield f"{path}: Windows does not allow this name"
        if path.is_dir() and not any(path.iterdir()):
            yield f"{path}: an empty folder"


def has_the_files_of_the_listings(project: Project) -> Iterator[str]:
    expected = listed(project.answers)
    for path in sorted(files(project.folder) ^ expected):
        yield f"{path} is {'missing' if path in expected else 'not listed'}; see `make listings`"


def satisfies_the_linters(project: Project) -> Iterator[str]:
    yield from complaint("ruff", "format", "--no-cache", "--check", ".", cwd=project.folder)
    yield from complaint("ruff", "check", "--no-cache", ".", cwd=project.folder)
    for path, text in project.texts.items():
        if path == "Dockerfile":
            yield from in_a_file(text, project.folder / path, "hadolint")
        elif path == "compose.yaml":
            schema = "--builtin-schema=vendor.compose-spec"
            yield from in_a_file(text, project.folder / path, "check-jsonschema", schema)
        elif path == ".gitlab-ci.yml":
            schema = "--builtin-schema=vendor.gitlab-ci"
            yield from in_a_file(text, project.folder / path, "check-jsonschema", schema)
        elif path.endswith(".sh"):
            yield from in_a_file(text, project.folder / path, "sh", "-n")
            if (project.folder / path).stat().st_mode & 0o111 != 0o111:
                yield f"{path} cannot be executed"


checked: dict[tuple[str, ...], list[str]] = {}


def in_a_file(text: str, path: Path, *command: str) -> list[str]:
    """Check each distinct text of a file once."""
    key = (text, *command)
    if key not in checked:
        checked[key] = [*complaint(*command, str(path), cwd=path.parent)]
    return checked[key]


def complaint(*command: str, cwd: Path) -> Iterator[str]:
    try:
        run(*command, cwd=cwd)
    except AssertionError as error:
        yield str(error)


@cache
def make_s_list(makefile: str, folder: Path) -> set[str]:
    return {line.split()[0] for line in run("make", cwd=folder).splitlines()}


def has_a_makefile_that_lists_its_targets(project: Project) -> Iterator[str]:
    text = project.texts["Makefile"]
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)).split())
    phony.discard("$(BROKEN)")
    for target in phony ^ make_s_list(text, project.folder):
        yield f"{target} is not both phony and listed"
    # Nothing is installed, so a command that make executes despite --dry-run would fail.
    yield from complaint("make", "--dry-run", "m=x", *sorted(phony), cwd=project.folder)
    lines = text.splitlines()
    for above, line in zip(lines, lines[1:], strict=False):
        if re.match(r"[a-z-]+:.*## ", line) and above:
            yield f"no empty line above {line}"


def names_files_that_are_there(project: Project) -> Iterator[str]:
    for path, text in project.texts.items():
        if path.startswith((".github/", "requirements/", "tests/")) or path == "LICENSE":
            continue
        for named in PATH.findall(text):
            beside = (project.folder / path).parent / named
            there = (project.folder / named).exists() or beside.exists()
            if not there and not OWN.fullmatch(named):
                yield f"{path} names {named}, which does not exist"


def links_to_places_that_are_there(project: Project) -> Iterator[str]:
    pages = {path: text for path, text in project.texts.items() if path.endswith(".md")}
    for path, text in pages.items():
        for file, heading in re.findall(r"\]\((?!\w+:)([\w./-]*)#?([^)\s]*)\)", text):
            place = (project.folder / path).parent / file if file else project.folder / path
            if not place.exists():
                yield f"{path} links to {file}"
            elif heading and heading not in headings(place.read_text(encoding="utf-8")):
                yield f"{path} links to {file}#{heading}"


def headings(text: str) -> set[str]:
    """Return the anchors that GitHub and GitLab make of a page's headings."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def has_a_readme_of_three_screens(project: Project) -> Iterator[str]:
    lines = project.texts["README.md"].count("\n")
    if lines > 150:
        yield f"README.md has {lines} lines: move a subject to docs/"


def has_a_guide_for_agents_that_is_true(project: Project) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", project.texts["Makefile"], re.MULTILINE))
    quoted = re.findall(r"`([^`]+)`", project.texts["AGENTS.md"])
    if len(quoted) < 16:
        yield "AGENTS.md names fewer than 16 paths and commands"
    for text in quoted:
        command, *words = text.split()
        if command == "make":
            unknown = {word for word in words if re.fullmatch("[a-z-]+", word)} - targets
        else:
            paths = [word for word in text.split() if "/" in word and word[:6] != ".venv/"]
            unknown = {word for word in paths if not list(project.folder.glob(word))}
        for word in unknown:
            yield f"AGENTS.md names {word}, which does not exist"


def names_the_thing_and_not_a_person(project: Project) -> Iterator[str]:
    pages = (".md", ".txt", ".html", ".yml")
    for path, text in project.texts.items():
        if not path.endswith(pages) and path not in ("LICENSE", "docs/swagger.yaml"):
            for found in PERSON.findall(text):
                yield f"{path}: {found}"


def imports_only_public_names_of_the_chassis(project: Project) -> Iterator[str]:
    public: dict[str, list[str]] = {}
    for path, text in project.texts.items():
        if path.startswith("chassis/") and path.endswith(".py"):
            names = re.findall(r"^__all__ = (\[.*?\])", text, re.MULTILINE | re.DOTALL)
            module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            public[module] = ast.literal_eval(names[0]) if names else []
    for path, text in project.texts.items():
        if path.startswith("api/") and path.endswith(".py"):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chassis"):
                    for name in {alias.name for alias in node.names} - {*public[str(node.module)]}:
                        yield f"{path} imports {name}, which is not public"


CHECKS = [
    parses,
    has_nothing_of_the_template,
    has_nothing_of_an_answer_that_was_not_chosen,
    is_tidy,
    has_legal_paths,
    has_the_files_of_the_listings,
    satisfies_the_linters,
    has_a_makefile_that_lists_its_targets,
    names_files_that_are_there,
    links_to_places_that_are_there,
    has_a_readme_of_three_screens,
    has_a_guide_for_agents_that_is_true,
    names_the_thing_and_not_a_person,
    imports_only_public_names_of_the_chassis,
]
