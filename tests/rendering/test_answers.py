"""A bad answer is refused in one line. Any other answer is rendered without a change."""

import itertools
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from tests.conftest import Bake
from tests.support.machine import environment, run
from tests.support.repository import copy
from tools.variants import AXES, QUESTIONS, REFUSED, TEMPLATE, Answers, allowed, name, words


def render(
    folder: Path, template: Path = TEMPLATE, **answers: str
) -> subprocess.CompletedProcess[str]:
    """Render with cookiecutter's command."""
    given = [f"{question}={answer}" for question, answer in answers.items()]
    return subprocess.run(
        [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", template, *given],
        cwd=folder,
        env=environment(HOME=str(folder.parent)),
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize(
    "slug",
    ["", "My-api", "my_api", "1api", "-api", "api-", "a" * 50, "a" * 300, "a/b", "../a", ".", "é"]
    + ["con", "nul", "com1", "lpt9"]
    + [" api", "a b", "a\nb", "${HOME}"],
)
def test_a_bad_slug_is_refused_in_one_line(tmp_path: Path, slug: str) -> None:
    done = render(tmp_path, project_slug=slug)
    first, *_ = done.stderr.splitlines()
    assert done.returncode != 0
    assert first.startswith(f"project_slug: {slug!r} is not valid: ")
    assert re.search(r"For example: (my-flask-api|\w+-api)$", first)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("question", ["project_name", "description", "author_name"])
@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "it needs at least one visible character"),
        (" \t ", "it needs at least one visible character"),
        (" a", "must not begin or end with white space"),
        ("a ", "must not begin or end with white space"),
        ("a\nb", "U+000A"),
        ("a\tb", "U+0009"),
        ("a\x7fb", "U+007F"),
        ("a\x85b", "U+0085"),
        ("a\u2028b", "U+2028"),
        ("a\u2029b", "U+2029"),
        ("a\ufffeb", "U+FFFE"),
    ],
)
def test_a_bad_text_is_refused_in_one_line(
    tmp_path: Path, question: str, text: str, because: str
) -> None:
    done = render(tmp_path, **{question: text}, project_slug="a")
    first, *_ = done.stderr.splitlines()
    assert done.returncode != 0
    assert first.startswith(f"{question}: {text!r} is not valid: ")
    assert because in first
    assert "For example: " in first
    assert list(tmp_path.iterdir()) == []


def test_all_bad_answers_are_named_at_once(tmp_path: Path) -> None:
    done = render(tmp_path, project_slug="A b", description=" ", author_name="a\tb")
    named = [line.partition(":")[0] for line in done.stderr.splitlines() if "For example" in line]
    assert named == ["project_slug", "description", "author_name"]


@pytest.mark.parametrize("text", ["a {{ b }}", "{% if a %}", "a {# b #}", "# % endif"])
def test_a_text_that_jinja_would_read_is_refused(tmp_path: Path, text: str) -> None:
    """The test types the text, because cookiecutter evaluates answers on the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", "--default-config", TEMPLATE],
        cwd=tmp_path,
        env=environment(HOME=str(tmp_path.parent)),
        text=True,
        capture_output=True,
        input=f"\n\n{text}" + "\n" * len(QUESTIONS),
    )
    assert done.stderr.startswith(f"description: {text!r} is not valid: ")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_choice_is_refused_by_cookiecutter_itself(tmp_path: Path) -> None:
    done = render(tmp_path, license="WTFPL")
    assert done.returncode != 0
    assert "WTFPL" in done.stderr
    assert "MIT" in done.stderr
    assert list(tmp_path.iterdir()) == []


# Every combination that a rule of cookiecutter.json refuses.
REFUSALS: list[Answers] = [
    dict(zip(rule, answers, strict=True))
    for rule in REFUSED
    for answers in itertools.product(*rule.values())
]


@pytest.mark.parametrize("answers", REFUSALS, ids=name)
def test_incompatible_answers_are_refused_in_one_line(tmp_path: Path, answers: Answers) -> None:
    done = render(tmp_path, **{question: str(answer) for question, answer in answers.items()})
    first, *_ = done.stderr.splitlines()
    assert done.returncode != 0
    assert first.startswith(f"{words(answers).replace(' ', ' with ')} is not possible: ")
    assert list(tmp_path.iterdir()) == []
    # The example after the reason can be typed, and is accepted.
    question, _, other = first.rpartition("For example: ")[2].partition("=")
    assert allowed(answers | {question: other})
    assert (
        render(tmp_path, **{q: str(a) for q, a in answers.items()} | {question: other}).returncode
        == 0
    )


def test_a_rule_in_cookiecutter_json_is_enough_to_refuse_answers(tmp_path: Path) -> None:
    """No other file has to change."""
    template = copy(tmp_path / "template")
    path = template / "cookiecutter.json"
    questions = json.loads(path.read_text(encoding="utf-8"))
    rule = {
        "answers": {"auth": ["jwt"], "ci": ["gitlab", "none"]},
        "why": "no. For example: ci=github",
    }
    path.write_text(json.dumps(questions | {"_refused": [rule]}), encoding="utf-8")
    folder = tmp_path / "projects"
    folder.mkdir()
    for ci in ("gitlab", "none", "github"):
        done = render(folder, template, auth="jwt", ci=ci)
        refused = f"auth=jwt with ci={ci} is not possible: no. For example: ci=github"
        assert done.stderr.startswith(refused) == (ci != "github")
        assert bool([*folder.iterdir()]) == (ci == "github")
    count = "from tools.variants import every; print(len(every()))"
    without = run(sys.executable, "-c", count, cwd=TEMPLATE)
    assert int(run(sys.executable, "-c", count, cwd=template)) < int(without)


def test_an_existing_folder_stays_when_an_answer_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "a" / "kept"
    kept.parent.mkdir()
    kept.touch()
    assert render(tmp_path, project_slug="a", description=" ").returncode != 0
    assert kept.exists()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Shop", "shop"),
        ("Ada's  API!", "ada-s-api"),
        ("Café Olé", "cafe-ole"),
        ("2048", "api-2048"),
        ("🚀", "my-flask-api"),
        ("x" * 44, "x" * 44),
        ("x" * 200, "x" * 37 + "-CHECK"),
        ("9" * 200, "api-" + "9" * 33 + "-CHECK"),
    ],
)
def test_the_proposed_slug_is_valid(bake: Bake, name: str, slug: str) -> None:
    """A checksum distinguishes two long names."""
    proposed = bake(project_name=name).name
    assert re.fullmatch(slug.replace("CHECK", "[0-9a-f]{7}"), proposed)


TEXTS = [
    'She said "hi"',
    "It's",
    "back\\slash",
    "trailing\\",
    "C:\\new\\table\\u0022",
    "# hash # tag #",
    "key: value",
    "{single} }braces{",
    "100% %(name)s %s",
    "$HOME ${HOME} $(id)",
    "`id`",
    "'''",
    '"""',
    "🚀 to the 🌍, 👩‍🚀",
    "خدمة الويب",
    "日本語のサービス",
    "<b>&amp;</b> &copy; <!-- -->",
    "<!-- a",
    "*a* _b_ **c** ~~d~~ [e](f) ![g](h) <i@j.k>",
    "1. one",
    "12) two",
    "- dash",
    "+ plus",
    "> quote",
    "--- # % if x",
    "a # % endif",
    "| a | b |",
    "=== a",
    "null",
    "yes",
    "1.0",
    "@at !bang &anchor *alias ?",
    "a\u00a0b\u200db\u202ec",
    "x" * 200,
    "a " * 99 + "b",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_is_the_same_in_every_file(bake: Bake, text: str) -> None:
    project = bake(project_name=text, description=text, author_name=text, project_slug="a")

    def read(path: str) -> str:
        return (project / path).read_text(encoding="utf-8")

    table = tomllib.loads(read("pyproject.toml"))["project"]
    assert table["description"] == text
    assert table["authors"] == [{"name": text}]

    info = yaml.safe_load(read("docs/swagger.yaml"))["info"]
    assert info["title"] == info["description"] == text

    code: dict[str, str] = {}
    lines = [
        line for line in read("api/__init__.py").splitlines() if line[:5] in ("TITLE", "DESCR")
    ]
    exec("\n".join(lines), code)  # noqa: S102
    assert code["TITLE"] == code["DESCRIPTION"] == text

    assert read("LICENSE").splitlines()[2] == f"Copyright (c) {text}"

    tokens = MarkdownIt().enable("strikethrough").parse(read("README.md"))
    heading, paragraph, copyright_ = tokens[1], tokens[4], tokens[-2]
    assert (tokens[0].tag, tokens[3].tag) == ("h1", "p")
    assert shown(heading) == shown(paragraph) == text
    assert shown(copyright_).startswith(f"Copyright (c) {text}, licensed under")

    run("ruff", "format", "--check", ".", cwd=project)
    run("ruff", "check", ".", cwd=project)


def shown(inline) -> str:  # noqa: ANN001
    """Return the visible text of a line of Markdown."""
    return "".join(token.content for token in inline.children)


@pytest.mark.parametrize(
    ("license_", "begins", "named"),
    [
        ("MIT", "MIT License", True),
        ("Apache-2.0", "Apache License Version 2.0, January 2004", False),
        ("BSD-3-Clause", "BSD 3-Clause License", True),
        ("GPL-3.0-or-later", "GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007", False),
        ("Proprietary", "Copyright (c) Ada Lovelace All rights reserved.", True),
    ],
)
def test_every_license_has_its_own_text_and_names_the_author_if_the_text_does(
    bake: Bake, license_: str, begins: str, named: bool
) -> None:
    project = bake(author_name="Ada Lovelace", license=license_)
    text = (project / "LICENSE").read_text(encoding="utf-8")
    assert " ".join(text.split()).startswith(begins)
    assert ("Ada Lovelace" in text) == named
    assert "Copyright (c) Ada Lovelace" in (project / "README.md").read_text(encoding="utf-8")
    table = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert table["license"] == {"Proprietary": "LicenseRef-Proprietary"}.get(license_, license_)


def test_the_dockerfile_has_the_chosen_python(bake: Bake) -> None:
    for version in AXES["python_version"]:
        text = (bake(python_version=version) / "Dockerfile").read_text(encoding="utf-8")
        assert re.findall(r"^FROM python:(\S+)", text, re.MULTILINE) == [f"{version}-slim"]


def test_every_question_has_a_prompt_and_every_choice_a_label() -> None:
    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    prompts = questions["__prompts__"]
    asked = [question for question in questions if not question.startswith("_")]
    assert asked == list(prompts)
    for question in asked:
        if isinstance(questions[question], list):
            assert set(prompts[question]) == {"__prompt__", *questions[question]}
