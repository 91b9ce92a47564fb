"""The template replaced by the project: by `make init`, and by the workflow for "Use this template".

The workflow's own commands run, in a clone of a repository that refuses what GitHub refuses.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
import yaml

from tests.conftest import Bake
from tests.rendering.test_cloud_run_files import answering
from tests.support.machine import environment, free_port, run
from tools.variants import QUESTIONS, TEMPLATE

WORKFLOW = yaml.safe_load(
    (TEMPLATE / ".github/workflows/use-this-template.yml").read_text(encoding="utf-8")
)
(JOB,) = WORKFLOW["jobs"].values()
INPUTS = WORKFLOW[True]["workflow_dispatch"]["inputs"]  # YAML takes `on` for a boolean
ASKED = [name for name in QUESTIONS if not name.startswith("_") and name != "run_tests"]
CHECK = "make ci"
UPSTREAM = "org/flask-api-template"
TOKEN = "hunter2"
AUTHOR = {
    f"GIT_{who}_{what}": f"{what.lower()}@example.com"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}
git = partial(run, "git", **AUTHOR)

# GitHub lets no workflow's token write a workflow; it may remove one.
GITHUB = """#!/bin/sh
while read -r old new ref; do
    written=$(git diff --name-only --diff-filter=d "$old" "$new" -- .github/workflows)
    [ -z "$written" ] && continue
    echo "refusing to allow a GitHub App to create or update workflow $written without workflows permission"
    exit 1
done
"""
REFUSAL = "#!/bin/sh\necho Permission to ada/some denied to github-actions.\nexit 1\n"


@pytest.fixture(scope="session")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template's repository on a server, with a history; for reading only."""
    folder = tmp_path_factory.mktemp("server") / UPSTREAM
    folder.mkdir(parents=True)
    git("init", "-q", "-b", "main", cwd=folder)
    (folder / "README.md").write_text("A template.\n")
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "Begin", cwd=folder)
    files = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=TEMPLATE)
    for path in filter(None, files.split("\0")):
        if not (TEMPLATE / path).exists():  # removed, and not committed yet
            continue
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATE / path, folder / path)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "Write the template", cwd=folder)
    return folder


def head(repository: Path) -> str:
    return git("rev-parse", "HEAD", cwd=repository).strip()


def with_tools(clone: Path) -> Path:
    """Have a clone of the template the tools of this one, as `make develop` would."""
    (clone / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "develop.txt":
            (clone / ".venv" / part.name).symlink_to(part)
    (clone / ".venv/develop.txt").touch()
    return clone


class Result(NamedTuple):
    passed: bool
    log: str
    summary: str


class GitHub:
    """A repository that the button made of the template, and who runs its workflow."""

    def __init__(self, folder: Path, upstream: Path, name: str = "my-orders") -> None:
        self.folder = folder
        self.server = folder / "server"
        self.upstream = self.server / UPSTREAM
        self.repository = f"ada/{name}"
        self.origin = self.server / self.repository
        self.origin.mkdir(parents=True)
        git("clone", "-q", f"file://{upstream}", self.upstream, cwd=folder)
        git("init", "-q", "--bare", "-b", "main", cwd=self.origin)
        git("fetch", "-q", upstream, "HEAD", cwd=self.origin)
        first = git("commit-tree", "-m", "Initial commit", "FETCH_HEAD^{tree}", cwd=self.origin)
        git("update-ref", "refs/heads/main", first.strip(), cwd=self.origin)
        self.first = head(self.origin)
        self.receive_by(GITHUB)
        self.runs = 0

    def receive_by(self, hook: str) -> None:
        (self.origin / "hooks/pre-receive").write_text(hook)
        (self.origin / "hooks/pre-receive").chmod(0o755)

    def clone(self, name: str = "clone") -> Path:
        git("clone", "-q", f"file://{self.origin}", self.folder / name, cwd=self.folder)
        return self.folder / name

    def work(
        self,
        inputs: dict[str, str] | None = None,
        description: str | None = None,
        check: bool = False,
        made_from: str | None = UPSTREAM,
        between: Callable[[], object] = lambda: None,
    ) -> Result:
        """Run the workflow, by hand if there are inputs; without its check, unless that is wanted."""
        self.runs += 1
        files = {name: self.folder / f"{name}-{self.runs}" for name in ("output", "summary")}
        for file in files.values():
            file.touch()
        (self.folder / f"temp-{self.runs}").mkdir()
        repository = {"is_template": False, "fork": False, "name": self.origin.name}
        github = {
            "event": {"repository": repository | {"description": description}},
            "ref": "refs/heads/main",
            "repository_owner": "ada",
            "token": TOKEN,
        }
        steps: dict[str, Any] = {}
        contexts = {"github": github, "inputs": inputs or {}, "steps": steps}
        assert evaluate(JOB["if"], contexts)
        said = {"template_repository": made_from and {"full_name": made_from}}
        log, passed = "", True
        checkout, *commands = JOB["steps"]
        assert checkout["with"]["ref"] == "${{ github.ref }}"  # the branch's newest commit
        clone = self.clone(f"run-{self.runs}")
        if (clone / "cookiecutter.json").exists():
            with_tools(clone)
        with answering(
            {f"/repos/{self.repository}": (200, "application/json")}, json.dumps(said)
        ) as api:
            own = {
                "GITHUB_API_URL": api,
                "GITHUB_EVENT_NAME": "push" if inputs is None else "workflow_dispatch",
                "GITHUB_OUTPUT": str(files["output"]),
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_REPOSITORY": self.repository,
                "GITHUB_SERVER_URL": f"file://{self.server}",
                "GITHUB_STEP_SUMMARY": str(files["summary"]),
                "RUNNER_TEMP": str(self.folder / f"temp-{self.runs}"),
            }
            for step in commands:
                if not passed or not evaluate(step.get("if", "${{ true }}"), contexts):
                    continue
                command = step["run"]
                if command == CHECK:
                    between()
                    if not check:
                        continue
                given = {
                    name: text_of(text, contexts) for name, text in step.get("env", {}).items()
                }
                done = subprocess.run(
                    ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command],
                    cwd=clone,
                    env=environment(**own | given),
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
                log += done.stdout
                passed = done.returncode == 0
                lines = files["output"].read_text().splitlines()
                steps[step.get("id", "")] = {"outputs": dict(line.split("=", 1) for line in lines)}
        assert TOKEN not in log
        return Result(passed, log, files["summary"].read_text())


def evaluate(text: str, contexts: dict[str, Any]) -> Any:
    """Evaluate one of GitHub's expressions, of the few kinds that the workflow has."""
    expression = re.fullmatch(r"\$\{\{ (.*) \}\}", text)[1]  # type: ignore[index]
    if " && " in expression:
        return all(evaluate(f"${{{{ {part} }}}}", contexts) for part in expression.split(" && "))
    if compared := re.fullmatch(r"(\S+) == '(\w+)'", expression):
        return evaluate(f"${{{{ {compared[1]} }}}}", contexts) == compared[2]
    if expression.startswith("!"):
        return not evaluate(f"${{{{ {expression[1:]} }}}}", contexts)
    if dumped := re.fullmatch(r"toJSON\((\w+)\)", expression):
        return json.dumps(contexts[dumped[1]], indent=2)
    value: Any = contexts | {"true": True}
    for part in expression.split("."):
        value = (value or {}).get(part)
    return value


def text_of(text: str, contexts: dict[str, Any]) -> str:
    """Give what a step's environment has of a text."""
    if "${{" not in text:
        return text
    value = evaluate(text, contexts)
    return "" if value is None else str(value)


@pytest.fixture
def github(tmp_path: Path, upstream: Path) -> GitHub:
    return GitHub(tmp_path, upstream)


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Give the files of a folder: what is in each, and whether it may be run."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != ".git"
    }


def created(template: Path, folder: Path, answers: dict[str, str]) -> str:
    """Give the .cruft.json that `cruft create` writes."""
    extra = ["--no-input", "--default-config", "--extra-context", json.dumps(answers)]
    folder.mkdir()
    run("cruft", "create", template, *extra, cwd=folder, HOME=str(folder.parent))
    (written,) = folder.glob("*/.cruft.json")
    return written.read_text(encoding="utf-8")


# --- what is done


def manual(**answers: str) -> dict[str, str]:
    """Give the inputs of a run by hand: what is not said is the form's default."""
    return {name: spec["default"] for name, spec in INPUTS.items()} | answers


ODD = 'She said "it\'s C:\\new", $HOME `id` $(id) \U0001f680'


class Use(NamedTuple):
    """How somebody uses the template, and the answers that this comes to."""

    name: str
    answers: dict[str, str]
    inputs: dict[str, str] | None = None
    description: str | None = None


CHOSEN = {"datastore": "sql", "deploy": "cloud-run", "license": "BSD-3-Clause"}
TAIL = f"{uuid4().int % 10**8:08}"  # the image of the project's name is no other's
USES = {
    "first-push": Use(f"my-orders-{TAIL}", {"project_name": f"My Orders {TAIL}"}),
    "by-hand": Use(
        "my-orders",
        CHOSEN | {"project_name": "My Orders", "project_slug": f"orders-{TAIL}"},
        inputs=manual(**CHOSEN, project_slug=f"orders-{TAIL}"),
    ),
    "odd-texts": Use(
        f"Ada.Orders_API-{TAIL}",
        {
            "project_name": f"Ada Orders API {TAIL}",
            "project_slug": f"ada-orders-api-{TAIL}",
            "description": ODD,
            "ci": "none",
        },
        inputs=manual(ci="none"),
        description=ODD,
    ),
}


@pytest.fixture
def no_images(engine: None) -> Iterator[None]:
    """Remove the images that `make ci` builds."""
    yield
    slugs = [f"{name}-{TAIL}" for name in ("my-orders", "orders", "ada-orders-api")]
    subprocess.run(["docker", "rmi", "--force", *slugs], capture_output=True)


@pytest.mark.thorough
@pytest.mark.parametrize("use", USES)
def test_the_workflow_replaces_the_template_by_the_project(
    tmp_path: Path, upstream: Path, bake: Bake, no_images: None, use: str
) -> None:
    name, answers, inputs, description = USES[use]
    answers = {"author_name": "ada"} | answers
    github = GitHub(tmp_path, upstream, name)
    result = github.work(inputs, description, check=True)
    assert result.passed, result.log

    project = github.clone()
    assert git("rev-parse", "HEAD^", cwd=project).strip() == github.first
    message = git("log", "-1", "--format=%an%n%B", cwd=project)
    author, subject, *body = message.strip().splitlines()
    assert author == "github-actions[bot]"
    assert subject == f"Render {answers['project_name']} from the template"
    assert f"at {head(upstream)}." in body
    for question, answer in answers.items():
        assert f"    {question}: {answer}" in body
        assert f"    {question}: {answer}" in result.summary.splitlines()

    own = tree(project)
    linked = own.pop(".cruft.json")[0].decode()
    assert own == tree(bake(**answers))
    assert linked == created(github.upstream, tmp_path / "created", answers)
    run("cruft", "check", cwd=project)
    run("make", "lint", "test", cwd=project)


def test_the_commit_is_the_template_s_one_with_the_same_files_though_it_has_moved_on(
    github: GitHub,
) -> None:
    copied = head(github.upstream)
    (github.upstream / "LICENSE").write_text("Changed.\n")
    git("commit", "-q", "-a", "-m", "Change", cwd=github.upstream)
    assert github.work().passed
    project = github.clone()
    assert json.loads((project / ".cruft.json").read_text())["commit"] == copied


def test_the_commit_is_the_template_s_newest_if_none_has_the_same_files(github: GitHub) -> None:
    git("checkout", "-q", "--orphan", "other", cwd=github.upstream)
    (github.upstream / "LICENSE").write_text("Changed.\n")
    git("commit", "-q", "-a", "-m", "Begin again", cwd=github.upstream)
    assert github.work().passed
    linked = json.loads((github.clone() / ".cruft.json").read_text())
    assert linked["commit"] == head(github.upstream)


@pytest.mark.parametrize("made_from", ["org/private", None])
def test_a_template_that_can_not_be_read_leaves_a_command_that_links_it_later(
    github: GitHub, tmp_path: Path, made_from: str | None
) -> None:
    result = github.work(description=ODD, made_from=made_from)
    assert result.passed, result.log
    project = github.clone()
    assert not (project / ".cruft.json").exists()
    (command,) = [line for line in result.summary.splitlines() if "cruft link" in line]
    address = f"file://{github.server}/{made_from}" if made_from else "ADDRESS"
    assert command.startswith(f"    cruft link {address} --no-input --extra-context ")
    run("sh", "-c", command.replace(address, str(github.upstream)), cwd=project, HOME=str(tmp_path))
    answers = {"project_name": "My Orders", "description": ODD, "author_name": "ada"}
    linked = (project / ".cruft.json").read_text(encoding="utf-8")
    assert linked == created(github.upstream, tmp_path / "created", answers)


# --- what is left alone


def test_a_run_that_is_repeated_does_nothing(github: GitHub) -> None:
    assert github.work().passed
    done = head(github.origin)
    result = github.work()
    assert result.passed
    assert result.summary == "Nothing was done. The project is here already.\n"
    assert "::notice::Nothing was done." in result.log
    assert head(github.origin) == done


def test_a_push_of_the_template_with_its_history_does_nothing(github: GitHub) -> None:
    git("push", "-q", "--force", github.origin, "HEAD:main", cwd=github.upstream)
    github.first = head(github.origin)
    result = github.work()
    assert result.passed
    assert "This is the template with its history" in result.summary
    assert head(github.origin) == github.first
    assert github.work(manual()).passed
    assert head(github.origin) != github.first


@pytest.mark.parametrize("what", ["is_template", "fork"])
def test_it_does_not_run_in_the_template_or_in_a_fork(what: str) -> None:
    repository = {"is_template": False, "fork": False, what: True}
    assert not evaluate(JOB["if"], {"github": {"event": {"repository": repository}}})


def test_a_text_that_jinja_would_read_is_refused_in_the_hook_s_words(github: GitHub) -> None:
    result = github.work(description="a {{ 7 * 7 }} b", made_from="org/private")
    assert not result.passed
    line = "description: 'a {{ 7 * 7 }} b' is not valid: it must not have {{ in it"
    assert f"::error::Nothing was changed. {line}" in result.log
    assert line in result.summary
    assert "Traceback" not in result.log
    assert head(github.origin) == github.first


def test_a_push_that_is_refused_says_which_setting_to_change(github: GitHub) -> None:
    github.receive_by(REFUSAL)
    result = github.work()
    assert not result.passed
    path = 'Settings → Actions → General → Workflow permissions → "Read and write permissions"'
    link = f"file://{github.server}/{github.repository}/settings/actions"
    (error,) = [line for line in result.log.splitlines() if line.startswith("::error::")]
    for said in (error, result.summary):
        assert f"{path} ({link})" in said
        assert "An organisation may enforce its own" in said
        assert "a rule protects the branch" in said
    assert "remote: Permission to ada/some denied to github-actions." in result.summary
    assert head(github.origin) == github.first


def test_what_somebody_pushed_meanwhile_is_kept(github: GitHub) -> None:
    def push() -> None:
        clone = github.clone("other")
        (clone / "notes.txt").write_text("Notes\n")
        git("add", "-A", cwd=clone)
        git("commit", "-q", "-m", "Note", cwd=clone)
        git("push", "-q", cwd=clone)

    result = github.work(between=push)
    assert not result.passed
    assert "Somebody pushed to the branch meanwhile." in result.summary
    assert git("log", "-1", "--format=%s", "main", cwd=github.origin).strip() == "Note"
    assert github.work().passed
    assert "notes.txt" in git("ls-tree", "--name-only", "main", cwd=github.origin).split()


# --- the workflow's file


def test_the_form_asks_the_template_s_questions() -> None:
    assert list(INPUTS) == ASKED
    for question, spec in INPUTS.items():
        prompt = QUESTIONS["__prompts__"][question]
        if isinstance(QUESTIONS[question], list):
            choices = QUESTIONS[question]
            kind = {"type": "choice", "options": choices, "default": choices[0]}
            prompt = prompt["__prompt__"]
        else:
            kind = {"type": "string", "default": ""}
        assert spec == {"description": prompt} | kind


def test_only_the_steps_that_ask_github_and_that_push_have_the_token() -> None:
    having = [step["name"] for step in JOB["steps"] if "token" in json.dumps(step).lower()]
    assert having == ["Find the template", "Push the project"]
    assert JOB["steps"][0]["with"]["persist-credentials"] is False


def test_git_finds_the_token_in_its_environment() -> None:
    (line,) = re.findall(r"^helper=.*$", JOB["steps"][-1]["run"], re.MULTILINE)
    asked = "protocol=https\\nhost=github.com\\n\\n"
    command = f"""{line}
        printf '{asked}' | git -c credential.helper= -c credential.helper="$helper" credential fill"""
    filled = run("bash", "-c", command, cwd=Path("/"), TOKEN=TOKEN)
    assert {"username=x-access-token", f"password={TOKEN}"} < set(filled.splitlines())


def test_nothing_is_forced() -> None:
    assert not [step for step in JOB["steps"][1:] if "--force" in step["run"]]


def test_the_commands_run_in_a_shell_that_stops_at_a_failure() -> None:
    assert JOB["defaults"] == {"run": {"shell": "bash"}}


def test_the_check_is_the_project_s_own() -> None:
    assert [step["run"] for step in JOB["steps"][1:] if step["run"] == CHECK] == [CHECK]


# --- make init


class Init(NamedTuple):
    """A clone of the template in which somebody types `make init`."""

    folder: Path

    def __call__(self, text: str = "", **own: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--silent", "init"],
            cwd=self.folder,
            env=environment(**AUTHOR, **own),
            input=text,
            text=True,
            capture_output=True,
        )

    @property
    def changed(self) -> str:
        return git("status", "--porcelain", "--untracked-files=all", cwd=self.folder)


@pytest.fixture
def init(tmp_path: Path, upstream: Path) -> Init:
    git("clone", "-q", upstream, tmp_path / "my-shop", cwd=tmp_path)
    return Init(with_tools(tmp_path / "my-shop"))


def test_make_init_asks_the_template_s_questions(
    init: Init, tmp_path: Path, upstream: Path, bake: Bake
) -> None:
    given = {
        "description": "It's [bold] \\ \U0001f680",
        "author_name": "Ada",
        "license": "2",
        "datastore": "3",
    }
    done = init("".join(given.get(question, "") + "\n" for question in ASKED))
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())  # rich wraps lines
    for question in ASKED:
        prompt = QUESTIONS["__prompts__"][question]
        assert (prompt if isinstance(prompt, str) else prompt["__prompt__"]) in shown
    assert QUESTIONS["__prompts__"]["run_tests"] not in shown
    assert done.stdout.endswith(
        "\nNext:\n\n    make test\n    git add --all && git commit\n    make start\n\n"
    )
    answers = given | {"license": "Apache-2.0", "datastore": "firestore", "project_name": "My Shop"}
    own = tree(init.folder)
    linked = own.pop(".cruft.json")[0].decode()
    assert own == tree(bake(**answers))
    assert linked == created(upstream, tmp_path / "created", answers)


def test_make_init_asks_nothing_if_there_are_answers(init: Init, bake: Bake) -> None:
    answers = {"project_name": "$HOME {a}", "project_slug": "a", "author_name": "Ada"}
    done = init(ANSWERS=json.dumps(answers | {"description": "", "license": ""}), UPSTREAM="")
    assert done.returncode == 0, done.stderr
    assert "cruft link ADDRESS --no-input" in done.stdout
    assert tree(init.folder) == tree(bake(**answers))


def test_make_init_links_the_commit_that_is_here_of_a_template_that_has_moved_on(
    tmp_path: Path, upstream: Path
) -> None:
    git("clone", "-q", upstream, tmp_path / "template", cwd=tmp_path)
    git("clone", "-q", tmp_path / "template", tmp_path / "my-shop", cwd=tmp_path)
    (tmp_path / "template/LICENSE").write_text("Changed.\n")
    git("commit", "-q", "-a", "-m", "Change", cwd=tmp_path / "template")
    assert Init(with_tools(tmp_path / "my-shop"))(ANSWERS="{}").returncode == 0
    linked = json.loads((tmp_path / "my-shop/.cruft.json").read_text())
    assert linked["commit"] == head(upstream)
    assert linked["template"] == str(tmp_path / "template")


def test_make_init_takes_no_repository_made_of_the_template_for_the_template(
    github: GitHub,
) -> None:
    clone = with_tools(github.clone("my-shop"))
    done = Init(clone)(ANSWERS="null")  # toJSON() of no inputs
    assert done.returncode == 0, done.stderr
    assert "cruft link ADDRESS" in done.stdout
    assert not (clone / ".cruft.json").exists()


def test_make_init_keeps_no_password_of_an_address(init: Init) -> None:
    address = f"127.0.0.1:{free_port()}/org/template"
    git("remote", "set-url", "origin", f"http://ada:hunter2@{address}", cwd=init.folder)
    done = init(ANSWERS="{}")
    assert done.returncode == 0, done.stderr
    assert f"cruft link http://{address} --no-input" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


def test_what_was_rendered_is_rendered_again_with_other_answers(github: GitHub, bake: Bake) -> None:
    """As the README says: bring the template back, and answer."""
    assert github.work().passed
    clone = github.clone()
    git("revert", "--no-edit", "HEAD", cwd=clone)
    answers = {"project_name": "Other", "author_name": "Ada", "datastore": "sql"}
    done = Init(with_tools(clone))(ANSWERS=json.dumps(answers), UPSTREAM=str(github.upstream))
    assert done.returncode == 0, done.stderr
    own = tree(clone)
    assert json.loads(own.pop(".cruft.json")[0])["commit"] == head(github.upstream)
    assert own == tree(bake(**answers))


@pytest.mark.parametrize("path", ["LICENSE", "notes.txt", "api/notes.txt"])
def test_make_init_refuses_what_is_not_committed(init: Init, path: str) -> None:
    (init.folder / path).parent.mkdir(exist_ok=True)
    (init.folder / path).write_text("Mine\n")
    before = init.changed
    done = init(ANSWERS="{}")
    assert done.returncode != 0
    assert done.stderr.startswith("init: commit or remove what is not committed here first:\n")
    assert path in done.stderr
    assert init.changed == before


def test_make_init_keeps_what_git_ignores(init: Init) -> None:
    (init.folder / ".git/info/exclude").write_text("wsgi.py\n.idea\n")
    (init.folder / ".idea").write_text("Mine\n")
    (init.folder / "wsgi.py").write_text("Mine\n")
    done = init(ANSWERS="{}")
    assert done.returncode != 0
    assert "these are not the template's, and the project has them too: wsgi.py" in done.stderr
    assert init.changed == ""
    (init.folder / "wsgi.py").unlink()
    assert init(ANSWERS="{}").returncode == 0
    assert (init.folder / ".idea").read_text() == "Mine\n"


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"project_slug": "My Shop"}, "project_slug: 'My Shop' is not valid: "),
        ({"author_name": "{% raw %}"}, "author_name: '{% raw %}' is not valid: "),
        ({"project_name": "a\nb"}, "project_name: 'a\\nb' is not valid: "),
        ({"license": "WTFPL"}, "init: ANSWERS: license is one of MIT, Apache-2.0, "),
        ({"licence": "MIT"}, "init: ANSWERS: there is no question licence"),
        ({"project_name": 1}, "init: ANSWERS: project_name can't be 1"),
        (["MIT"], "init: ANSWERS has to be a JSON object"),
    ],
)
def test_make_init_refuses_a_bad_answer_in_a_line_and_changes_nothing(
    init: Init, answers: object, message: str
) -> None:
    done = init(ANSWERS=json.dumps(answers))
    assert done.returncode != 0
    first, make, *more = done.stderr.splitlines()
    assert first.startswith(message)
    assert make.startswith("make: ***")
    assert (more, init.changed) == ([], "")
    assert (init.folder / ".venv").exists()


def test_make_init_changes_nothing_if_the_answers_end_early(init: Init) -> None:
    done = init("My Shop\n")
    assert done.returncode != 0
    assert "init: interrupted; nothing was changed" in done.stderr
    assert "Traceback" not in done.stderr
    assert init.changed == ""


def test_init_says_what_it_can_not_work_in(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(TEMPLATE / "tools/init.py", tmp_path / "tools")
    command = [sys.executable, "tools/init.py"]
    with pytest.raises(AssertionError, match="init: this folder is not the template any more"):
        run(*command, cwd=tmp_path)
    (tmp_path / "cookiecutter.json").write_text("{}")
    with pytest.raises(AssertionError, match="init: this folder is no git repository of its own"):
        run(*command, cwd=tmp_path)
