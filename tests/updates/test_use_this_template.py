"""The template replaced by the project: by `make init`, and by the workflow for "Use this template".

The workflow's own commands run in clones of a repository that refuses what GitHub refuses.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import yaml

from tests.conftest import Bake
from tests.support.machine import environment, run
from tests.support.repository import commit, copy, git
from tools.variants import QUESTIONS, TEMPLATE

WORKFLOW = yaml.safe_load(
    (TEMPLATE / ".github/workflows/use-this-template.yml").read_text(encoding="utf-8")
)
(JOB,) = WORKFLOW["jobs"].values()
INPUTS = WORKFLOW[True]["workflow_dispatch"]["inputs"]  # YAML takes `on` for a boolean
ASKED = [name for name in QUESTIONS if not name.startswith("_") and name != "run_tests"]
CHECK = "make ci"
TOKEN = "hunter2"
ODD = 'She said "it\'s C:\\new", $HOME `id` $(id) [b] \U0001f680'

# GitHub lets no workflow's token write a workflow; it may remove one.
NO_WORKFLOWS = """#!/bin/sh
while read -r old new ref; do
    written=$(git diff --name-only --diff-filter=d "$old" "$new" -- .github/workflows)
    [ -z "$written" ] && continue
    echo "refusing to allow a GitHub App to create or update workflow $written without workflows permission"
    exit 1
done
"""
READ_ONLY = "#!/bin/sh\necho Permission to ada/some denied to github-actions.\nexit 1\n"
GH = """#!/bin/sh
[ "$GH_TOKEN" = hunter2 ] || exit 4
[ "$1" = auth ] || echo "$REPOSITORY" | jq --raw-output "$4"
"""


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Return the template's repository on a server, with a history."""
    folder = copy(tmp_path / "org/flask-api-template")
    empty = git(folder, "hash-object", "-t", "tree", "/dev/null").strip()
    first = git(folder, "commit-tree", "-m", "Begin", empty).strip()
    second = git(folder, "commit-tree", "-m", "Go on", "-p", first, "HEAD^{tree}").strip()
    git(folder, "reset", "--quiet", second)
    return folder


def head(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD").strip()


def change(repository: Path, **files: str) -> str:
    """Commit files, named without their suffix .txt, and return the commit's id."""
    for name, text in files.items():
        (repository / f"{name}.txt").write_text(text)
    commit(repository, "Change")
    return head(repository)


def clone(repository: Path, folder: Path) -> Path:
    """Clone a repository, with the tools of this one in place of `make develop`."""
    git(repository, "clone", "--quiet", repository, folder)
    if (folder / "cookiecutter.json").exists():
        with_tools(folder)
    return folder


def with_tools(folder: Path) -> None:
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "develop.txt":
            (folder / ".venv" / part.name).symlink_to(part)
    (folder / ".venv/develop.txt").touch()


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Return the files of a folder: the content of each, and whether it is executable."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != ".git"
    }


def created(template: Path, answers: dict[str, str]) -> str:
    """Return the .cruft.json that `cruft create` writes."""
    folder = template.parent / "created"
    folder.mkdir()
    extra = ["--no-input", "--default-config", "--extra-context", json.dumps(answers)]
    run("cruft", "create", template, *extra, cwd=folder)
    (written,) = folder.glob("*/.cruft.json")
    return written.read_text(encoding="utf-8")


class Result(NamedTuple):
    passed: bool
    log: str
    summary: str


class GitHub:
    """A repository that the button made from the template, and the runner of its workflow."""

    def __init__(self, folder: Path, upstream: Path) -> None:
        self.folder, self.upstream, self.origin = folder, upstream, folder / "origin"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", self.origin)
        git(self.origin, "fetch", "--quiet", upstream, "HEAD")
        first = git(self.origin, "commit-tree", "-m", "Initial commit", "FETCH_HEAD^{tree}")
        git(self.origin, "update-ref", "refs/heads/main", first.strip())
        self.first = head(self.origin)
        self.hook(NO_WORKFLOWS)
        (folder / "bin").mkdir()
        (folder / "bin/gh").write_text(GH)
        (folder / "bin/gh").chmod(0o755)
        self.runs = 0

    def hook(self, text: str) -> None:
        (self.origin / "hooks/pre-receive").write_text(text)
        (self.origin / "hooks/pre-receive").chmod(0o755)

    def work(
        self,
        inputs: dict[str, str] | None = None,
        name: str = "my-orders",
        description: str | None = None,
        made_from: str = "",
        check: Callable[[Path], object] = lambda _: None,
    ) -> Result:
        """Run the workflow: for a push, or with inputs as "Run workflow"."""
        self.runs += 1
        temp = self.folder / f"run-{self.runs}"
        temp.mkdir()
        output, summary = temp / "output", temp / "summary"
        output.touch()
        summary.touch()
        event = {"repository": {"name": name, "description": description}}
        github = {"event": event, "repository_owner": "ada", "token": TOKEN}
        contexts: dict[str, Any] = {"github": github, "inputs": inputs}
        assert evaluate(JOB["if"], contexts)
        address = made_from or str(self.upstream)
        own = {
            "GITHUB_EVENT_NAME": "push" if inputs is None else "workflow_dispatch",
            "GITHUB_OUTPUT": str(output),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": f"ada/{name}",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_STEP_SUMMARY": str(summary),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "REPOSITORY": json.dumps(
                {"template_repository": {"html_url": address} if address != "unknown" else None}
            ),
            "RUNNER_TEMP": str(temp),
        }
        checkout, *commands = JOB["steps"]
        assert checkout["with"]["ref"] == "${{ github.ref }}"
        project, log = clone(self.origin, temp / "checkout"), ""
        for step in commands:
            if not evaluate(step.get("if", "true"), contexts | {"true": True}):
                continue
            if step["run"] == CHECK:
                check(project)
                continue
            given = {key: evaluate(text, contexts) for key, text in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=project,
                env=environment(**own | {key: text or "" for key, text in given.items()}),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            log += done.stdout
            if done.returncode:
                break
            lines = output.read_text().splitlines()
            contexts["steps"] = {"template": {"outputs": dict(x.split("=", 1) for x in lines)}}
        assert TOKEN not in log
        return Result(done.returncode == 0, log, summary.read_text())


def evaluate(text: str, contexts: dict[str, Any]) -> Any:
    """Evaluate an expression of the kinds that the workflow has: a && b, !a, toJSON(a), a.b.c."""
    text = text.removeprefix("${{ ").removesuffix(" }}")
    if " && " in text:
        return all(evaluate(part, contexts) for part in text.split(" && "))
    if text.startswith("!"):
        return not evaluate(text[1:], contexts)
    if text.startswith("toJSON("):
        return json.dumps(evaluate(text[7:-1], contexts), indent=2)
    value: Any = contexts
    for part in text.split("."):
        value = (value or {}).get(part)
    return value


@pytest.fixture
def github(tmp_path: Path, upstream: Path) -> GitHub:
    return GitHub(tmp_path, upstream)


# --- the workflow


@pytest.fixture
def slug(engine: None) -> Iterator[str]:
    """Return a project's name that no other image has; remove the image that `make ci` builds."""
    slug = f"ada-orders-{uuid4().int % 10**8:08}-api"
    yield slug
    subprocess.run(["docker", "rmi", "--force", slug], capture_output=True)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "inputs",
    [None, {"datastore": "sql", "deploy": "cloud-run", "license": "BSD-3-Clause", "ci": "none"}],
    ids=["first-push", "by-hand"],
)
def test_the_workflow_replaces_the_template_by_the_project(
    github: GitHub, bake: Bake, slug: str, inputs: dict[str, str] | None
) -> None:
    if inputs:
        inputs = dict.fromkeys(INPUTS, "") | inputs
    name = slug.replace("-", "_", 1).replace("-api", ".API")
    result = github.work(inputs, name, ODD, check=lambda folder: run("make", "ci", cwd=folder))
    assert result.passed, result.log

    project = clone(github.origin, github.folder / "project")
    assert git(project, "rev-parse", "HEAD^").strip() == github.first
    author, subject, *body = git(project, "log", "-1", "--format=%an%n%B").strip().splitlines()
    title = f"Ada Orders {slug.split('-')[2]} API"
    given = {question: answer for question, answer in (inputs or {}).items() if answer}
    answers = {"project_name": title, "description": ODD, "author_name": "ada"} | given
    assert author == "github-actions[bot]"
    assert subject == f"Render {title} from the template"
    for line in (f"at {head(github.upstream)}.", *(f"    {q}: {a}" for q, a in answers.items())):
        assert line in body
        assert line in result.summary.splitlines()
    own = tree(project)
    assert own.pop(".cruft.json")[0].decode() == created(github.upstream, answers)
    assert own == tree(bake(**answers))
    run("cruft", "check", cwd=project)


@pytest.mark.parametrize("history", ["goes-on", "is-rewritten"])
def test_cruft_json_names_the_commit_with_the_same_files_or_else_the_newest(
    github: GitHub, history: str
) -> None:
    copied = head(github.upstream)
    if history == "is-rewritten":
        git(github.upstream, "checkout", "--quiet", "--orphan", "other")
    newest = change(github.upstream, new="new")
    assert github.work().passed
    linked = json.loads(git(github.origin, "show", "main:.cruft.json"))
    assert linked["commit"] == (copied if history == "goes-on" else newest)


@pytest.mark.parametrize("made_from", ["/org/private", "unknown"])
def test_the_summary_has_the_command_that_links_a_template_that_cannot_be_read(
    github: GitHub, made_from: str
) -> None:
    result = github.work(description=ODD, made_from=made_from)
    assert result.passed, result.log
    project = clone(github.origin, github.folder / "project")
    assert not (project / ".cruft.json").exists()
    (command,) = [line for line in result.summary.splitlines() if "cruft link" in line]
    words = shlex.split(command)
    assert words[2] == ("ADDRESS" if made_from == "unknown" else made_from)
    run(*words[:2], github.upstream, *words[3:], cwd=project, HOME=str(github.folder))
    answers = {"project_name": "My Orders", "description": ODD, "author_name": "ada"}
    linked = (project / ".cruft.json").read_text(encoding="utf-8")
    assert linked == created(github.upstream, answers)


def test_a_second_run_does_nothing(github: GitHub) -> None:
    assert github.work().passed
    done = head(github.origin)
    result = github.work()
    assert result.passed
    assert result.summary == "Nothing was done: the project is already here.\n"
    assert head(github.origin) == done


def test_a_push_of_the_template_with_its_history_does_nothing(github: GitHub) -> None:
    git(github.upstream, "push", "--quiet", "--force", github.origin, "HEAD:main")
    result = github.work()
    assert result.passed
    assert "this is the template with its history" in result.summary
    assert head(github.origin) == head(github.upstream)
    assert github.work({}, made_from="unknown").passed
    assert git(github.origin, "rev-parse", "HEAD^").strip() == head(github.upstream)


@pytest.mark.parametrize("what", ["is_template", "fork"])
def test_it_does_not_run_in_the_template_or_in_a_fork(what: str) -> None:
    assert not evaluate(JOB["if"], {"github": {"event": {"repository": {what: True}}}})


@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{# c #}", "{% if %}"])
def test_a_text_with_jinja_is_refused_in_the_hook_s_words(github: GitHub, text: str) -> None:
    result = github.work(description=f"a {text}")
    assert not result.passed
    line = f"description: 'a {text}' is not valid: it must not have {text[:2]} in it"
    assert f"::error::The project was not rendered; nothing was changed. {line}" in result.log
    assert f"\n    {line}" in result.summary
    assert "Traceback" not in result.log
    assert head(github.origin) == github.first


def test_a_refused_push_names_the_setting_to_change(github: GitHub) -> None:
    github.hook(READ_ONLY)
    result = github.work()
    assert not result.passed
    (error,) = [line for line in result.log.splitlines() if line.startswith("::error::")]
    path = "Settings → Actions → General → Workflow permissions → Read and write permissions"
    for text in (error, result.summary):
        assert f"{path} (https://github.com/ada/my-orders/settings/actions)" in text
    assert "remote: Permission to ada/some denied to github-actions." in result.summary
    assert head(github.origin) == github.first


def test_a_push_made_meanwhile_is_kept(github: GitHub) -> None:
    def push(_: Path) -> None:
        other = clone(github.origin, github.folder / "other")
        change(other, notes="Notes")
        git(other, "push", "--quiet")

    result = github.work(check=push)
    assert not result.passed
    assert "fetch first" in result.summary
    assert github.work().passed
    names = git(github.origin, "ls-tree", "--name-only", "main").split()
    assert "notes.txt" in names
    assert "cookiecutter.json" not in names


def test_the_form_asks_the_template_s_questions() -> None:
    assert list(INPUTS) == ASKED
    for question, spec in INPUTS.items():
        prompt = QUESTIONS["__prompts__"][question]
        choices = QUESTIONS[question]
        if isinstance(choices, list):
            assert spec.pop("type") == "choice"
            assert spec.pop("options") == choices  # the first one is selected
            prompt = prompt["__prompt__"]
        assert spec == {"description": prompt}


def test_only_the_steps_that_need_the_token_have_it() -> None:
    steps = [step for step in JOB["steps"] if "github.token" in json.dumps(step)]
    assert [step["name"] for step in steps] == ["Find the template", "Push"]
    assert CHECK in [step.get("run") for step in JOB["steps"]]


# --- make init


class Init(NamedTuple):
    """A clone of the template in which a person runs `make init`."""

    folder: Path

    def __call__(self, text: str = "", **own: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "--silent", "init"]
        own = environment(**own)
        return subprocess.run(
            command, cwd=self.folder, env=own, input=text, text=True, capture_output=True
        )

    def refuses(self, message: str, text: str = "", answers: object = None) -> str:
        """Check that it stops with a message in one line and changes nothing."""
        before = git(self.folder, "status", "--porcelain", "--untracked-files=all")
        done = self(text, ANSWERS="" if answers is None else json.dumps(answers))
        assert done.returncode != 0
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert git(self.folder, "status", "--porcelain", "--untracked-files=all") == before
        assert (self.folder / ".venv").exists()
        return done.stderr


@pytest.fixture
def init(upstream: Path, tmp_path: Path) -> Init:
    return Init(clone(upstream, tmp_path / "my-shop"))


def test_make_init_asks_the_template_s_questions(init: Init, upstream: Path, bake: Bake) -> None:
    given = {"description": ODD, "author_name": "Ada", "license": "2", "datastore": "3"}
    done = init("".join(given.get(question, "") + "\n" for question in ASKED))
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())  # rich wraps lines
    for question in QUESTIONS["__prompts__"]:
        prompt = QUESTIONS["__prompts__"][question]
        text = prompt if isinstance(prompt, str) else prompt["__prompt__"]
        assert (text in shown) == (question != "run_tests")
    assert done.stdout.endswith(
        "\nNext:\n\n    make test\n    git add --all && git commit\n    make start\n\n"
    )
    answers = given | {"license": "Apache-2.0", "datastore": "firestore"}
    own = tree(init.folder)
    assert own.pop(".cruft.json")[0].decode() == created(upstream, answers)
    assert own == tree(bake(**answers))


def test_make_init_asks_nothing_if_there_are_answers(init: Init, bake: Bake) -> None:
    address = "http://{}127.0.0.1:1/org/template"
    git(init.folder, "remote", "set-url", "origin", address.format("ada:hunter2@"))
    answers = {"project_name": "$HOME {a}", "project_slug": "a", "author_name": "Ada"}
    done = init(ANSWERS=json.dumps(answers | {"description": "", "license": ""}))
    assert done.returncode == 0, done.stderr
    own = tree(init.folder)
    assert json.loads(own.pop(".cruft.json")[0])["template"] == address.format("")
    assert own == tree(bake(**answers))
    assert "hunter2" not in done.stdout + done.stderr


def test_make_init_keeps_what_was_committed_here(init: Init, upstream: Path) -> None:
    base = head(init.folder)
    change(upstream, new="new")
    (init.folder / "tools/variants.py").write_text("# Mine\n")
    change(init.folder, notes="Mine")
    done = init(ANSWERS="{}")
    assert done.returncode == 0, done.stderr
    assert (init.folder / "notes.txt").read_text() == "Mine"
    assert (init.folder / "tools/variants.py").read_text() == "# Mine\n"
    assert not (init.folder / "tools/init.py").exists()
    assert json.loads((init.folder / ".cruft.json").read_text())["commit"] == base


def test_make_init_refuses_to_overwrite_what_was_committed_here(init: Init) -> None:
    for path in ("README.md", "api", "wsgi.py"):  # changed, in the place of a folder, added
        (init.folder / path).write_text("Mine\n")
    change(init.folder)
    init.refuses("would overwrite these files, which are yours: README.md, api, wsgi.py", "", {})


def test_make_init_needs_a_commit_of_the_template(init: Init) -> None:
    git(init.folder, "remote", "remove", "origin")
    init.refuses("init: no commit here is the template's; set UPSTREAM ", answers={})


def test_make_init_replaces_the_template_again_after_a_revert(github: GitHub, bake: Bake) -> None:
    assert github.work().passed
    project = clone(github.origin, github.folder / "project")
    git(project, "revert", "--no-edit", "HEAD")
    with_tools(project)
    answers = {"project_name": "Other", "author_name": "Ada", "datastore": "sql"}
    done = Init(project)(ANSWERS=json.dumps(answers), UPSTREAM=str(github.upstream))
    assert done.returncode == 0, done.stderr
    own = tree(project)
    assert json.loads(own.pop(".cruft.json")[0])["commit"] == head(github.upstream)
    assert own == tree(bake(**answers))


def test_make_init_does_not_take_a_copy_for_the_template(github: GitHub) -> None:
    done = Init(clone(github.origin, github.folder / "copy"))(ANSWERS="{}")
    assert done.returncode == 0, done.stderr
    assert "cruft link ADDRESS" in done.stdout


@pytest.mark.parametrize("path", ["LICENSE", "notes.txt"])
def test_make_init_refuses_to_begin_with_uncommitted_changes(init: Init, path: str) -> None:
    (init.folder / path).write_text("Mine\n")
    assert path in init.refuses("init: commit or remove these changes first:\n", answers={})


def test_make_init_keeps_what_git_ignores(init: Init) -> None:
    (init.folder / ".git/info/exclude").write_text("wsgi.py\n.idea\n")
    (init.folder / ".idea").write_text("Mine\n")
    (init.folder / "wsgi.py").write_text("Mine\n")
    init.refuses("would overwrite these files, which are yours: wsgi.py", answers={})
    (init.folder / "wsgi.py").unlink()
    assert init(ANSWERS="{}").returncode == 0
    assert (init.folder / ".idea").read_text() == "Mine\n"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"project_slug": "My Shop"}, "project_slug: 'My Shop' is not valid: "),
        ({"author_name": "{{ 7*7 }}"}, "author_name: '{{ 7*7 }}' is not valid: "),
        ({"project_name": "a\nb"}, "project_name: 'a\\nb' is not valid: "),
        ({"license": "WTFPL"}, "init: WTFPL provided for choice variable license, but the choices"),
        ({"licence": "MIT"}, "init: ANSWERS: licence is not one of project_name, "),
        ({"run_tests": "true"}, "init: ANSWERS: run_tests is not one of project_name, "),
        ({"project_name": 1}, "init: ANSWERS: project_name must be a text, not 1"),
        (["MIT"], "init: ANSWERS must be a JSON object"),
    ],
)
def test_make_init_refuses_a_bad_answer_in_a_line(init: Init, answers: Any, message: str) -> None:
    first, make = init.refuses(message, answers=answers).splitlines()
    assert first.startswith(message)
    assert make.startswith("make: ***")


def test_make_init_changes_nothing_if_it_is_interrupted(init: Init) -> None:
    init.refuses("init: interrupted; nothing was changed", "My Shop\n")
