"""The template's own workflows: their permissions, and their steps, which run unchanged."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.machine import environment, run
from tests.support.repository import commit, git
from tools.variants import TEMPLATE, rows

WORKFLOWS = sorted((TEMPLATE / ".github/workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
own_workflow = pytest.mark.parametrize("name", ["lock.yml", "matrix.yml"])


def jobs(path: Path) -> dict[str, Any]:
    """Return a workflow's jobs by name."""
    jobs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return jobs


def job(workflow: str, name: str) -> Any:
    return jobs(TEMPLATE / ".github/workflows" / workflow)[name]


def script(workflow: str, name: str, which: str) -> str:
    """Return a step's script by the step's id or name; the job's first script if `which` is ''."""
    steps = job(workflow, name)["steps"]
    (found, *_) = [s for s in steps if "run" in s and which in {s.get("id"), s.get("name"), ""}]
    return str(found["run"])


def step(text: str, cwd: Path, **own: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub does on Linux for a step without `shell`."""
    return subprocess.run(
        ["bash", "-e", "-c", text],
        cwd=cwd,
        env=environment(**own),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


# --- every workflow


def test_github_s_schema_and_zizmor_accept_the_workflows() -> None:
    schema = ["--builtin-schema", "vendor.github-workflows"]
    assert run("check-jsonschema", *schema, *WORKFLOWS, cwd=TEMPLATE).startswith("ok")
    assert "No findings" in run("zizmor", "--offline", TEMPLATE / ".github", cwd=TEMPLATE)


def test_an_action_has_the_same_version_everywhere() -> None:
    texts = [path.read_text(encoding="utf-8") for path in WORKFLOWS]
    used = {pin for text in texts for pin in re.findall(r"uses: (.*)", text)}
    assert len({pin.partition("@")[0] for pin in used}) == len(used)


@every_workflow
def test_a_job_declares_its_permissions_and_has_none_by_default(path: Path) -> None:
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {}
    for name, job in jobs(path).items():
        assert "permissions" in job, name


@every_workflow
def test_each_job_has_a_timeout_of_three_hours_at_most(path: Path) -> None:
    for name, job in jobs(path).items():
        assert job["timeout-minutes"] <= 180, name


@every_workflow
def test_no_checkout_leaves_its_token_behind(path: Path) -> None:
    for job in jobs(path).values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@own_workflow
def test_it_does_nothing_in_a_repository_that_was_made_from_the_template(name: str) -> None:
    of_the_template = jobs(TEMPLATE / ".github/workflows" / name)
    for job in of_the_template.values():
        condition = job.get("if", "")
        if "is_template" not in condition:  # a job is skipped together with the job that it needs
            assert "is_template" in of_the_template[job["needs"]]["if"]
            assert not re.search(r"always|cancelled|failure", condition)


@own_workflow
def test_its_make_targets_and_files_exist(name: str) -> None:
    for job in jobs(TEMPLATE / ".github/workflows" / name).values():
        for step in job["steps"]:
            text = step.get("run", "")
            for file in re.findall(r"(?<!\S)(?:tests|\.ci)/[\w./]+", text):
                assert (TEMPLATE / file).exists(), file
            for project, target in re.findall(r"make (-C \S+ )?(?:--silent )?(\w+)", text):
                folder = TEMPLATE / "{{cookiecutter.project_slug}}" if project else TEMPLATE
                makefile = (folder / "Makefile").read_text(encoding="utf-8")
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


# --- matrix.yml


def test_the_rows_step_outputs_the_matrix(tmp_path: Path) -> None:
    output = tmp_path / "output"
    done = step(script("matrix.yml", "rows", "rows"), TEMPLATE, GITHUB_OUTPUT=str(output))
    assert done.returncode == 0, done.stdout
    key, _, matrix = output.read_text().partition("=")
    assert key == "matrix"
    assert json.loads(matrix) == {"include": rows()}


def test_the_rows_step_fails_when_there_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(tmp_path / "output")}
    assert step(script("matrix.yml", "rows", "rows"), TEMPLATE, **own).returncode
    assert not (tmp_path / "output").exists()


def test_a_row_renders_the_project_that_it_names(tmp_path: Path) -> None:
    row = next(row for row in rows() if row["name"].startswith("firestore-jwt-cloud-run-otlp-onnx"))
    own = {"RUNNER_TEMP": str(tmp_path), "ANSWERS": row["answers"]}
    done = step(script("matrix.yml", "project", "Render"), TEMPLATE, **own)
    assert done.returncode == 0, done.stdout
    dockerfile = (tmp_path / "my-flask-api/Dockerfile").read_text()
    assert f"\nFROM python:{row['python']}-slim " in dockerfile
    assert (tmp_path / "my-flask-api/chassis/firestore/client.py").exists()
    assert (tmp_path / "my-flask-api/cloudbuild.yaml").exists()
    assert (tmp_path / "my-flask-api/model/model.onnx").exists()
    assert job("matrix.yml", "project")["steps"][-1]["run"].startswith(
        'make -C "$RUNNER_TEMP/my-flask-api" '
    )


GOOD = dict.fromkeys(
    ("rows", "project", "rendering", "containers", "difference", "refused"), "success"
)


def test_the_gate_needs_every_other_job() -> None:
    every = jobs(TEMPLATE / ".github/workflows/matrix.yml")
    assert {*every["matrix"]["needs"]} == {*every} - {"matrix"} == {*GOOD}
    assert every["matrix"]["if"].startswith("${{ always() && ")


@pytest.mark.parametrize(
    ("event", "results", "passes"),
    [
        ("pull_request", {}, True),
        ("push", {"difference": "skipped", "refused": "skipped"}, True),
        ("pull_request", {"refused": "skipped"}, True),
        ("schedule", {"difference": "skipped"}, True),
        ("schedule", {"difference": "skipped", "refused": "skipped"}, False),
        ("schedule", {"difference": "skipped", "refused": "failure"}, False),
        ("pull_request", {"difference": "skipped"}, False),
        ("push", {"difference": "failure"}, False),
        ("push", {"difference": "skipped", "rows": "skipped"}, False),
        ("pull_request", {"rows": "cancelled"}, False),
        *(("pull_request", {job: "failure"}, False) for job in GOOD),
    ],
)
def test_the_gate_is_green_if_every_job_has_succeeded(
    tmp_path: Path, event: str, results: dict[str, str], passes: bool
) -> None:
    needs = {
        job: {"result": result, "outputs": {"quote": 'it\'s "one"'}}
        for job, result in (GOOD | results).items()
    }
    own = {"EVENT": event, "NEEDS": json.dumps(needs, indent=2)}
    done = step(script("matrix.yml", "matrix", ""), tmp_path, **own)
    assert (done.returncode == 0) == passes, done.stdout
    for job, result in (GOOD | results).items():
        assert f"{job}: {result}\n" in done.stdout


def look_for_wheels(folder: Path, python: str, **own: str) -> subprocess.CompletedProcess[str]:
    """Run the step with a rule that refuses onnxruntime on a version of Python."""
    rule = {"answers": {"python_version": [python]}, "wheel": "onnxruntime"}
    others = [{"answers": {"auth": ["jwt"]}}]
    (folder / "cookiecutter.json").write_text(json.dumps({"_refused": [*others, rule]}))
    return step(script("matrix.yml", "refused", "Look for wheels"), folder, **own)


@pytest.mark.thorough
def test_a_refused_combination_that_has_become_possible_is_reported(tmp_path: Path) -> None:
    done = look_for_wheels(tmp_path, "3.14")
    assert done.returncode == 1
    assert "::error::onnxruntime has a wheel for Python 3.14: remove its rule from " in done.stdout


@pytest.mark.thorough
def test_a_package_that_is_refused_on_a_python_has_no_wheel_for_it() -> None:
    done = step(script("matrix.yml", "refused", "Look for wheels"), TEMPLATE)
    assert done.returncode == 0, done.stdout


def test_a_failed_search_for_wheels_is_an_error(tmp_path: Path) -> None:
    nowhere = {"UV_DEFAULT_INDEX": "http://127.0.0.1:1/", "UV_CACHE_DIR": str(tmp_path)}
    done = look_for_wheels(tmp_path, "3.14", UV_HTTP_RETRIES="0", **nowhere)
    assert done.returncode != 0
    assert "::error::" not in done.stdout


@pytest.mark.parametrize("platform", ["windows", "macos"])
def test_the_tools_can_be_installed_where_the_rendering_is_tested(
    tmp_path: Path, platform: str
) -> None:
    run("uv", "venv", "-q", tmp_path / "venv", cwd=tmp_path)
    steps = job("matrix.yml", "rendering")["steps"]
    (version,) = [
        s["with"]["python-version"] for s in steps if "python-version" in s.get("with", {})
    ]
    where = ["--python", tmp_path / "venv", "--python-platform", platform, "--dry-run"]
    where += ["--python-version", version, "--only-binary", ":all:"]
    lock = ["--require-hashes", "-r", TEMPLATE / "requirements/develop.txt"]
    assert "Would install" in run("uv", "pip", "install", *where, *lock, cwd=tmp_path)


# --- lock.yml

# In the order in which git lists them.
LOCKS = [
    "docs/answers.md",  # This page has the number of packages.
    "example/requirements/common.txt",
    "requirements/develop.txt",
    "templates/requirements.jinja",
]
GH = """#!/bin/sh
echo "gh $1 $2" >> "$LOG"
printf '%s\\n' "$@" >> "$LOG.arguments"
[ "$1 $2" != "pr list" ] || [ -z "$OPEN" ] || echo "$OPEN"
"""


class Repository:
    """A repository on a server, and jobs that check it out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.origin, self.log = folder, folder / "origin", folder / "log"
        self.summary, self.output = folder / "summary", folder / "output"
        (folder / "gh").write_text(GH)
        (folder / "gh").chmod(0o755)
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        first = self.checkout("first")
        self.upgrade(first, "1.0")
        commit(first, "Begin")
        git(first, "push", "--quiet", "origin", "HEAD:main")

    def checkout(self, name: str) -> Path:
        git(self.folder, "clone", "--quiet", str(self.origin), name)
        return self.folder / name

    def upgrade(self, folder: Path, version: str) -> None:
        """Write locked requirements, as `make lock` does."""
        for path in LOCKS:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"flask=={version}\n")

    def step(self, job: str, which: str, cwd: Path, **own: str) -> str:
        """Run a step of lock.yml and return its output; fail if the step fails."""
        done = step(
            script("lock.yml", job, which),
            cwd,
            PATH=f"{self.folder}:{os.environ['PATH']}",
            LOG=str(self.log),
            GITHUB_OUTPUT=str(self.output),
            GITHUB_STEP_SUMMARY=str(self.summary),
            **own,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def pull_request(self, patch: Path, name: str, open_: str = "") -> None:
        """Run the job that pushes, in a checkout of its own."""
        self.log.write_text("")
        folder = self.checkout(name)
        (folder / "lock.patch").write_bytes(patch.read_bytes())
        own = {"BASE": "main", "RUN": "https://example.com/runs/1", "OPEN": open_}
        self.step("pull-request", "Push", folder, **own)

    def git(self, *command: str) -> str:
        return git(self.origin, *command)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_without_an_upgrade_the_job_ends(repository: Repository) -> None:
    folder = repository.checkout("lock")
    repository.step("lock", "lock", folder)
    assert not repository.output.exists()
    assert repository.summary.read_text().count("\n") == 1
    later = job("lock.yml", "lock")["steps"][3:]
    assert all("changed" in step["if"] or "failure()" in step["if"] for step in later)


def test_the_first_upgrade_opens_a_pull_request(repository: Repository) -> None:
    folder = repository.checkout("lock")
    repository.upgrade(folder, "2.0")
    repository.step("lock", "lock", folder)
    assert repository.output.read_text() == "changed=true\n"

    repository.pull_request(folder / "lock.patch", "pull-request")
    assert repository.git("diff", "--name-only", "main", "lock").split() == LOCKS
    assert repository.git("show", f"lock:{LOCKS[0]}") == "flask==2.0\n"
    assert repository.git("log", "--format=%an", "main..lock") == "github-actions[bot]\n"
    assert repository.log.read_text() == "gh auth setup-git\ngh pr list\ngh pr create\n"
    assert "https://example.com/runs/1" in Path(f"{repository.log}.arguments").read_text()


def test_the_next_upgrade_updates_the_open_pull_request(repository: Repository) -> None:
    for version, open_ in (("2.0", ""), ("3.0", "7")):
        folder = repository.checkout(f"lock-{version}")
        repository.upgrade(folder, version)
        repository.step("lock", "lock", folder)
        repository.pull_request(folder / "lock.patch", f"pull-request-{version}", open_)
    assert repository.git("rev-list", "--count", "main..lock") == "1\n"
    assert repository.git("show", f"lock:{LOCKS[0]}") == "flask==3.0\n"
    assert repository.log.read_text() == "gh auth setup-git\ngh pr list\ngh api --silent\n"
    sent = Path(f"{repository.log}.arguments").read_text()
    assert "\nPATCH\nrepos/{owner}/{repo}/pulls/7\n--raw-field\nbody=The tests pass with " in sent


def test_only_locked_requirements_are_pushed(repository: Repository) -> None:
    """The patch comes from a job that has run newly published packages."""
    folder = repository.checkout("lock")
    repository.upgrade(folder, "2.0")
    paths = ("Makefile", ".github/workflows/own.yml", "api/requirements/x.txt", "example/Makefile")
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("own\n")
    git(folder, "add", "--all")
    patch = repository.folder / "patch"
    patch.write_text(git(folder, "diff", "--cached"))
    repository.pull_request(patch, "pull-request")
    assert repository.git("diff", "--name-only", "main", "lock").split() == LOCKS


def test_a_patch_that_moves_other_files_into_the_locked_requirements_is_refused(
    repository: Repository,
) -> None:
    folder = repository.checkout("lock")
    (folder / "Makefile").write_text("own\n" * 10)
    commit(folder, "Go on")
    git(folder, "push", "--quiet", "origin", "HEAD:main")
    git(folder, "mv", "Makefile", "requirements/")
    patch = repository.folder / "patch"
    patch.write_text(git(folder, "diff", "--cached", "--find-renames"))
    assert "rename from Makefile" in patch.read_text()
    with pytest.raises(AssertionError, match="::error::The patch moves files other than locked"):
        repository.pull_request(patch, "pull-request")
    assert repository.git("branch", "--list", "lock") == ""


def test_failed_tests_open_no_pull_request_and_are_reported(
    repository: Repository,
) -> None:
    condition = job("lock.yml", "pull-request")["if"]
    assert job("lock.yml", "pull-request")["needs"] == "lock"
    assert not re.search(r"always|cancelled|failure", condition), "the job runs after a failure"
    assert not any(step.get("continue-on-error") for step in job("lock.yml", "lock")["steps"])
    repository.step("lock", "Report failed tests", repository.folder)
    assert "there is no pull request" in repository.summary.read_text()


def test_newly_published_packages_run_without_a_token_that_can_write() -> None:
    lock, pull_request = jobs(TEMPLATE / ".github/workflows/lock.yml").values()
    assert lock["permissions"] == {"contents": "read"}
    assert "token" not in json.dumps(lock["steps"]).replace("persist-credentials", "")
    assert not re.search(r"make|pip|python|tests/", script("lock.yml", "pull-request", "Push"))
    assert [
        step["name"] for step in pull_request["steps"] if "GH_TOKEN" in step.get("env", {})
    ] == ["Push"]
