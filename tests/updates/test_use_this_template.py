"""`make init` and the workflow for "Use this template" replace the template with a project.

The workflow's own commands run in clones of a repository that refuses the same pushes as GitHub.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from tests.conftest import Bake
from tests.support.machine import OWN_TESTS, environment, missing, run
from tests.support.repository import commit, copy, git
from tools.variants import QUESTIONS, TEMPLATE

FILE = TEMPLATE / ".github/workflows/use-this-template.yml"
WORKFLOW = yaml.safe_load(FILE.read_text(encoding="utf-8"))
(JOB,) = WORKFLOW["jobs"].values()
INPUTS = WORKFLOW[True]["workflow_dispatch"]["inputs"]  # YAML reads `on` as a boolean
ASKED = [name for name in QUESTIONS if not name.startswith("_") and name != "run_tests"]
NOT_ON_GITHUB = {"gitlab"}  # a repository on GitHub runs no .gitlab-ci.yml
ODD = 'She said "it\'s C:\\new", $HOME `id` $(id) [b] \U0001f680'

# A workflow's token may remove workflow files, but neither create nor change them.
NO_WORKFLOWS = """#!/bin/sh
read -r old new ref
written=$(git diff --name-only --diff-filter=d "$old" "$new" -- .github/workflows)
[ -z "$written" ] || { echo "refusing to create or update workflow $written"; exit 1; }
"""
READ_ONLY = "#!/bin/sh\necho Permission to ada/some denied to github-actions.\nexit 1\n"
GH = """#!/bin/sh
[ "$GH_TOKEN" = hunter2 ] || exit 4
[ "$1" = auth ] || echo "$ANSWER" | jq --raw-output "$4"
"""


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Return the template's repository on a server, with a history."""
    (folder := tmp_path / "org/flask-api-template").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    return copy(folder)


def head(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD").strip()


def change(repository: Path, *paths: str) -> str:
    """Commit files and return the commit's id."""
    for path in paths:
        (repository / path).write_text("Mine\n")
    commit(repository, "Change")
    return head(repository)


def clone(repository: Path, folder: Path) -> Path:
    """Clone a repository, with the tools of this one as `make develop` would install them."""
    git(repository, "clone", "--quiet", repository, folder)
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "develop.txt":
            (folder / ".venv" / part.name).symlink_to(part)
    (folder / ".venv/develop.txt").touch()
    return folder


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Return the files of a folder: the content of each, and whether it is executable."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in (".git", ".venv")
    }


def linked(project: Path) -> str:
    """Return .cruft.json, the file that `cruft update` reads."""
    return (project / ".cruft.json").read_text(encoding="utf-8")


def check_project(project: Path, template: Path, answers: dict[str, str], bake: Bake) -> None:
    """Check that a project equals one that `cruft create` renders."""
    (folder := template.parent / "created").mkdir()
    extra = ["--no-input", "--default-config", "--extra-context", json.dumps(answers)]
    run("cruft", "create", template, *extra, cwd=folder)
    assert linked(project) == linked(next(folder.iterdir()))
    assert {**tree(project), ".cruft.json": None} == {**tree(bake(**answers)), ".cruft.json": None}


class GitHub:
    """A repository that the button made from the template, and the runner of its workflow."""

    def __init__(self, folder: Path, upstream: Path) -> None:
        self.folder, self.upstream, self.origin = folder, upstream, folder / "origin"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", self.origin)
        git(self.origin, "fetch", "--quiet", upstream, "HEAD")
        first = git(self.origin, "commit-tree", "-m", "Initial commit", "FETCH_HEAD^{tree}")
        git(self.origin, "update-ref", "refs/heads/main", first.strip())
        self.first = head(self.origin)
        (folder / "bin").mkdir()
        self.program(self.origin / "hooks/pre-receive", NO_WORKFLOWS)
        self.program(folder / "bin/gh", GH)
        self.runs = 0

    def program(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def clone(self) -> Path:
        self.runs += 1
        return clone(self.origin, self.folder / f"clone-{self.runs}")

    def work(
        self,
        name: str = "my-orders",
        description: str | None = None,
        inputs: dict[str, str] | None = None,
        made_from: str | None = "",
        check: Callable[[Path], object] = lambda project: None,
    ) -> tuple[bool, str, str]:
        """Run the workflow; return whether it passed, its log and its summary."""
        project = self.clone()
        temp = self.folder / f"temp-{self.runs}"
        temp.mkdir()
        about = {"name": name, "description": description, "owner": {"login": "ada"}}
        template = made_from is not None and {"html_url": made_from or str(self.upstream)}
        (temp / "event").write_text(json.dumps({"repository": about, "inputs": inputs}))
        (temp / "output").touch()
        (temp / "summary").touch()
        own = {
            "ANSWER": json.dumps({"template_repository": template or None}),
            "GITHUB_EVENT_NAME": "push" if inputs is None else "workflow_dispatch",
            "GITHUB_EVENT_PATH": str(temp / "event"),
            "GITHUB_OUTPUT": str(temp / "output"),
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": f"ada/{name}",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_STEP_SUMMARY": str(temp / "summary"),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "RUNNER_TEMP": str(temp),
        }
        values, log, passed = {"${{ github.token }}": "hunter2"}, "", True
        for step in JOB["steps"][1:]:
            if not passed or not values.get(step.get("if"), "if" not in step):
                continue
            if step["run"] == "make ci":
                check(project)
                continue
            given = {name: values[expression] for name, expression in step.get("env", {}).items()}
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=project,
                env=environment(**own, **given),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            log, passed = log + done.stdout, done.returncode == 0
            for line in (temp / "output").read_text().splitlines():
                key, _, value = line.partition("=")
                values[f"${{{{ steps.template.outputs.{key} }}}}"] = value
        assert "hunter2" not in log
        return passed, log, (temp / "summary").read_text()


@pytest.fixture
def github(tmp_path: Path, upstream: Path) -> GitHub:
    if not shutil.which("jq"):
        missing("jq")
    return GitHub(tmp_path, upstream)


# --- the workflow


@pytest.fixture
def number(engine: None) -> Iterator[str]:
    """Return a number for a project's name; remove the image that its `make ci` builds."""
    number = f"{uuid4().int % 10**8:08}"
    yield number
    run("docker", "rmi", "--force", f"ada-orders-api-{number}", cwd=Path("/"))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "given",
    [{}, {"datastore": "sql", "deploy": "cloud-run", "license": "BSD-3-Clause", "ci": "none"}],
    ids=["first-push", "by-hand"],
)
def test_the_workflow_replaces_the_template_with_the_project(
    github: GitHub, bake: Bake, number: str, given: dict[str, str]
) -> None:
    inputs = dict.fromkeys(INPUTS, "") | given if given else None
    check = lambda project: run("make", "ci", cwd=project, **OWN_TESTS)  # noqa: E731
    passed, log, summary = github.work(f"Ada.orders_api-{number}", ODD, inputs, check=check)
    assert passed, log
    project = github.clone()
    assert git(project, "rev-parse", "HEAD^").strip() == github.first
    author, message = git(project, "log", "-1", "--format=%an%n%B").split("\n", 1)
    answers = {"project_name": f"Ada Orders API {number}", "description": ODD, "author_name": "ada"}
    assert author == "github-actions[bot]"
    assert message.startswith(f"Render Ada Orders API {number} from the template\n\n")
    assert summary.startswith(message.strip())
    for question, answer in (answers | given).items():
        assert f"\n    {question}: {answer}\n" in message
    check_project(project, github.upstream, answers | given, bake)
    run("cruft", "check", cwd=project)


@pytest.mark.thorough
@pytest.mark.parametrize("rewritten", [False, True])
def test_cruft_json_names_the_commit_with_the_same_files_or_else_the_newest(
    github: GitHub, rewritten: bool
) -> None:
    copied = head(github.upstream)
    if rewritten:
        git(github.upstream, "checkout", "--quiet", "--orphan", "other")
    newest = change(github.upstream, "new.txt")
    assert github.work()[0]
    assert json.loads(linked(github.clone()))["commit"] == (newest if rewritten else copied)


@pytest.mark.thorough
@pytest.mark.parametrize("made_from", ["/org/private", None])
def test_the_summary_has_the_command_that_links_a_template_that_cannot_be_read(
    github: GitHub, bake: Bake, made_from: str | None
) -> None:
    passed, log, summary = github.work(description=ODD, made_from=made_from)
    assert passed, log
    project = github.clone()
    assert not (project / ".cruft.json").exists()
    (command,) = [line for line in summary.splitlines() if "cruft link" in line]
    words = shlex.split(command)
    assert words[2] == (made_from or "ADDRESS")
    run(*words[:2], github.upstream, *words[3:], cwd=project, HOME=str(github.folder))
    answers = {"project_name": "My Orders", "description": ODD, "author_name": "ada"}
    check_project(project, github.upstream, answers, bake)


def test_a_push_of_the_template_with_its_history_does_nothing(github: GitHub) -> None:
    git(github.upstream, "push", "--quiet", "--force", github.origin, "HEAD:main")
    passed, log, summary = github.work()
    assert passed, log
    assert "this is the template with its history" in summary
    assert head(github.origin) == head(github.upstream)
    assert github.work(inputs={}, made_from=None)[0]
    assert git(github.origin, "rev-parse", "HEAD^").strip() == head(github.upstream)


@pytest.mark.thorough
@pytest.mark.parametrize("text", ["{{ 7*7 }}", "{# c #}", "{% if %}"])
def test_a_text_with_jinja_is_refused_with_the_hook_s_message(github: GitHub, text: str) -> None:
    passed, log, _ = github.work(description=text)
    assert not passed
    line = f"description: '{text}' is not valid: it must not contain {text[:2]}"
    escaped = line.replace("%", "%25")  # GitHub decodes it.
    assert f"::error::Nothing was changed. {escaped}" in log
    assert "Traceback" not in log
    assert head(github.origin) == github.first


def test_the_error_has_every_answer_that_is_refused(github: GitHub) -> None:
    passed, log, _ = github.work(inputs={"project_slug": "My Shop", "author_name": " "})
    assert not passed
    (error,) = [line for line in log.splitlines() if line.startswith("::error::")]
    first, second, rest = error.removeprefix("::error::Nothing was changed. ").split("%0A")
    assert first.startswith("project_slug: 'My Shop' is not valid")
    assert second.startswith("author_name: ' ' is not valid")
    assert rest.startswith("Give other answers: ")


def test_a_refused_push_names_the_setting_to_change(github: GitHub) -> None:
    github.program(github.origin / "hooks/pre-receive", READ_ONLY)
    passed, log, _ = github.work()
    assert not passed
    path = "Settings → Actions → General → Workflow permissions → Read and write permissions"
    error = next(line for line in log.splitlines() if line.startswith("::error::"))
    assert f"{path} (https://github.com/ada/my-orders/settings/actions)" in error
    assert head(github.origin) == github.first


@pytest.mark.thorough
def test_a_push_made_meanwhile_is_kept_and_a_third_run_does_nothing(github: GitHub) -> None:
    def push(project: Path) -> None:
        change(other := github.clone(), "notes.txt")
        git(other, "push", "--quiet")

    passed, log, _ = github.work(check=push)
    assert not passed
    assert "(fetch first)" in log
    assert github.work()[0]
    done = head(github.origin)
    assert (github.clone() / "notes.txt").exists()
    assert github.work()[2] == "Nothing was done: the project is already here.\n"
    assert head(github.origin) == done


def test_it_runs_neither_in_the_template_nor_in_a_fork() -> None:
    condition = JOB["if"][4:-3].replace("github.event.repository.", "").replace("!", "not ")
    for fields in ({"is_template": True, "fork": False}, {"is_template": False, "fork": True}):
        assert eval(condition.replace("&&", "and"), fields) is False


def test_the_form_asks_the_template_s_questions_with_the_answers_that_make_sense_on_github() -> (
    None
):
    assert list(INPUTS) == ASKED
    for question, spec in INPUTS.items():
        prompt = QUESTIONS["__prompts__"][question]
        if isinstance(prompt, dict):
            options = [answer for answer in QUESTIONS[question] if answer not in NOT_ON_GITHUB]
            choices = {"type": "choice", "options": options}  # the first is selected
            assert spec == {"description": prompt["__prompt__"]} | choices
        else:
            assert spec == {"description": prompt}


def test_only_the_steps_that_need_the_token_have_it() -> None:
    steps = [step for step in JOB["steps"] if "github.token" in json.dumps(step)]
    assert [step["name"] for step in steps] == ["Find the template", "Push"]


# --- make init


def init(folder: Path, text: str = "", **own: str) -> subprocess.CompletedProcess[str]:
    """Run `make init` with a text on standard input."""
    command, own = ["make", "--silent", "init"], environment(**own)
    return subprocess.run(command, cwd=folder, env=own, input=text, text=True, capture_output=True)


def refused(folder: Path, text: str = "", **own: str) -> str:
    """Check that `make init` stops and changes nothing; return its message."""
    before = tree(folder)
    done = init(folder, text, **own | {"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert (tree(folder), (folder / ".venv").exists()) == (before, True)
    return done.stderr


@pytest.fixture
def shop(upstream: Path, tmp_path: Path) -> Path:
    """Return a clone of the template."""
    return clone(upstream, tmp_path / "shop")


@pytest.mark.thorough
def test_make_init_asks_the_template_s_questions(shop: Path, upstream: Path, bake: Bake) -> None:
    given = {"description": ODD, "author_name": "Ada", "license": "2", "datastore": "3"}
    done = init(shop, "".join(given.get(question, "") + "\n" for question in ASKED))
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())  # rich wraps lines
    for question, prompt in QUESTIONS["__prompts__"].items():
        text = prompt if isinstance(prompt, str) else prompt["__prompt__"]
        assert (text in shown) == (question != "run_tests")
    assert "\nNext:\n\n    make test\n" in done.stdout
    assert not (shop / ".venv").exists()
    answers = given | {"license": "Apache-2.0", "datastore": "firestore"}
    check_project(shop, upstream, answers, bake)


@pytest.mark.thorough
def test_make_init_asks_nothing_if_there_are_answers(shop: Path, bake: Bake) -> None:
    address = "http://{}127.0.0.1:1/org/template"
    git(shop, "remote", "set-url", "origin", address.format("ada:hunter2@"))
    done = init(shop, ANSWERS=json.dumps({"project_name": "$HOME {a}", "license": ""}))
    assert done.returncode == 0, done.stderr
    assert json.loads(linked(shop))["template"] == address.format("")
    assert "hunter2" not in done.stdout + done.stderr + linked(shop)
    assert tree(shop).keys() - {".cruft.json"} == tree(bake(project_name="$HOME {a}")).keys()


def test_make_init_keeps_files_that_are_not_the_template_s(shop: Path, upstream: Path) -> None:
    base = head(shop)
    change(upstream, "new.txt")
    change(shop, "notes.txt", "tools/variants.py")  # not pushed
    (shop / ".git/info/exclude").write_text(".idea\n")
    (shop / ".idea").write_text("Mine\n")
    done = init(shop, ANSWERS="{}")
    assert done.returncode == 0, done.stderr
    for path in ("notes.txt", "tools/variants.py", ".idea"):
        assert (shop / path).read_text() == "Mine\n"
    assert not (shop / "tools/init.py").exists()
    assert json.loads(linked(shop))["commit"] == base


def test_make_init_refuses_to_overwrite_files_that_are_not_the_template_s(shop: Path) -> None:
    change(shop, "README.md", "api")  # a file of the template; the name of a folder of the project
    (shop / ".git/info/exclude").write_text("wsgi.py\n")
    (shop / "wsgi.py").write_text("Mine\n")
    message = "init: the project would overwrite these files, which are yours: "
    assert refused(shop, ANSWERS="{}").startswith(f"{message}README.md, api, wsgi.py\n")


def test_make_init_follows_no_link_in_the_place_of_a_folder(shop: Path) -> None:
    (shop / "api").symlink_to("nowhere")
    git(shop, "add", "--all")
    git(shop, "commit", "-q", "-m", "Link")
    message = "init: the project would overwrite these files, which are yours: api\n"
    assert refused(shop, ANSWERS="{}").startswith(message)


@pytest.mark.thorough
def test_make_init_needs_the_remote_or_the_address_of_the_template(
    shop: Path, upstream: Path
) -> None:
    base = head(shop)
    git(shop, "remote", "remove", "origin")
    hint = "set UPSTREAM to the template's address: UPSTREAM=https://… make init"
    assert f"No such remote 'origin'; {hint}\n" in refused(shop, ANSWERS="{}")
    unread = refused(shop, ANSWERS="{}", UPSTREAM="http://ada:hunter2@127.0.0.1:1/org")
    line = (
        "init: UPSTREAM=http://127.0.0.1:1/org could not be read, and this clone has no branch of"
    )
    assert line in unread
    assert "hunter2" not in unread
    (other := shop.parent / "unrelated").mkdir()
    git(other, "init", "--quiet")
    change(other, "notes.txt")
    line = f"UPSTREAM={other} shares no commit with this clone; {hint}\n"
    assert line in refused(shop, ANSWERS="{}", UPSTREAM=str(other))
    change(shop, "notes.txt")
    assert init(shop, ANSWERS="{}", UPSTREAM=str(upstream)).returncode == 0
    assert json.loads(linked(shop))["commit"] == base
    assert (shop / "notes.txt").exists()


def test_make_init_does_not_mistake_a_copy_for_the_template(github: GitHub) -> None:
    assert "cruft link ADDRESS" in init(github.clone(), ANSWERS="{}").stdout


@pytest.mark.parametrize("path", ["LICENSE", "notes.txt"])
def test_make_init_refuses_to_begin_with_uncommitted_changes(shop: Path, path: str) -> None:
    (shop / path).write_text("Mine\n")
    assert path in refused(shop, ANSWERS="{}")


def test_make_init_needs_git(shop: Path, tmp_path: Path) -> None:
    (programs := tmp_path / "programs").mkdir()
    for name in ("sh", "make", "python3"):
        (programs / name).symlink_to(str(shutil.which(name)))
    error = refused(shop, PATH=str(programs))
    assert error.startswith("init: git is not installed; nothing was changed\n")


def test_make_init_lists_at_most_ten_uncommitted_changes(shop: Path) -> None:
    for number in range(12):
        (shop / f"notes-{number}.txt").touch()
    first, *lines, more = refused(shop, ANSWERS="{}").splitlines()[:12]
    assert (first, len(lines), more) == (
        "init: commit or remove these changes first:",
        10,
        "and 2 more",
    )


# Fail or interrupt the tool at the tenth file that it removes from the clone or copies into it.
AT_THE_TENTH = """
import os, signal, sys
files = []
def hook(event, args):
    if event == EVENT and str(args[-1 if event == "shutil.copyfile" else 0]).startswith(SHOP):
        files.append(args)
        if len(files) == 10:
            FAULT
if "init" in sys.orig_argv[-1]:
    # A background process of a shell ignores SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.addaudithook(hook)
"""
FULL = "raise OSError(28, 'No space left on device')"
INTERRUPTED = "init: interrupted; nothing was changed\n"


def break_at_the_tenth(shop: Path, event: str, fault: str) -> dict[str, str]:
    """Return the settings with which `make init` fails."""
    code = AT_THE_TENTH.replace("EVENT", repr(event)).replace("SHOP", repr(f"{shop}/"))
    folder = shop.parent / "broken"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code.replace("FAULT", fault))
    return {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "ANSWERS": "{}"}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("event", "fault", "message"),
    [
        ("os.remove", FULL, "init: [Errno 28] No space left on device; nothing was changed\n"),
        ("shutil.copyfile", "os.kill(os.getpid(), signal.SIGINT)", INTERRUPTED),
        ("shutil.copyfile", FULL, "init: [Errno 28]"),
        ("os.remove", "os.kill(os.getpid(), signal.SIGTERM)", INTERRUPTED),
    ],
)
def test_make_init_restores_everything_if_it_stops_halfway(
    shop: Path, event: str, fault: str, message: str
) -> None:
    change(shop, "notes.txt")
    assert message in refused(shop, **break_at_the_tenth(shop, event, fault))
    assert git(shop, "status", "--porcelain") == ""
    again = init(shop, ANSWERS="{}")
    assert (again.returncode, "Installing" in again.stdout) == (0, False)
    assert (shop / "notes.txt").read_text() == "Mine\n"
    assert (shop / ".cruft.json").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("event", ["os.remove", "shutil.copyfile"])
def test_the_page_s_command_restores_everything_after_make_init_was_killed(
    shop: Path, event: str
) -> None:
    before = tree(shop)
    settings = break_at_the_tenth(shop, event, "os.kill(os.getpid(), signal.SIGKILL)")
    assert init(shop, **settings).returncode != 0
    assert tree(shop) != before
    page = (TEMPLATE / "docs/use.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`(git reset --hard[^`]*)`", page)
    run("sh", "-ec", command, cwd=shop)
    assert tree(shop) == before


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ('{"project_slug": "My Shop"}', "project_slug: 'My Shop' is not valid: "),
        ('{"license": "WTFPL"}', "init: WTFPL provided for choice variable license, but the choi"),
        ('{"run_tests": "true"}', "init: ANSWERS: run_tests is not one of project_name, "),
        ('{"project_name": 1}', "init: ANSWERS: project_name must be a text, not 1"),
        (
            "license=MIT",
            'init: ANSWERS must be a JSON object, for example ANSWERS=\'{"datastore": ',
        ),
        (
            "",
            "\ninit: the input ended before the last question; nothing was changed. Without a ter",
        ),
    ],
)
def test_make_init_refuses_a_bad_answer_in_one_line(shop: Path, answers: str, message: str) -> None:
    error = refused(shop, "My Shop\n", ANSWERS=answers)
    assert error.startswith(message)
    assert error.strip().count("\n") == 1  # the second line is make's
