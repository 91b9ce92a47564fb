"""The files for Cloud Run, checked without a Google Cloud project."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from pytest_cookies.plugin import Cookies

from tests.conftest import Bake, serving
from tests.rendering.checks import texts
from tests.support.datastores import PostgreSQL
from tests.support.installed import install
from tests.support.machine import environment, free_port, listening, missing, run
from tools.covering import covering
from tools.variants import AXES, PROJECT, TEMPLATE

every_datastore = pytest.mark.parametrize("datastore", AXES["datastore"])
WORKFLOWS = Path(".github/workflows")
WITH_COMMANDS = [
    "Makefile",
    "bin/deploy-setup.sh",
    "bin/smoke.sh",
    "cloudbuild.yaml",
    "docs/cloud-run.md",
]
SECRET = "postgresql://api:hunter2@/api?host=/cloudsql/some-project:us-central1:my-flask-api"


def config(project: Path) -> dict:
    return yaml.safe_load((project / "cloudbuild.yaml").read_text(encoding="utf-8"))


def fill_in(text: str, substitutions: dict[str, str]) -> str:
    """Substitute as Cloud Build does, with dynamicSubstitutions: until nothing is left."""
    built_in = {"PROJECT_ID": "some-project", "BUILD_ID": "some-build"}
    while True:
        last, text = (
            text,
            re.sub(r"\$\{?(\w+)\}?", lambda m: (substitutions | built_in)[m[1]], text),
        )
        if text == last:
            return text


def step(project: Path, id_: str) -> list[str]:
    """Return a step's arguments with the substitutions."""
    build = config(project)
    (found,) = [step for step in build["steps"] if step["id"] == id_]
    return [fill_in(arg, build["substitutions"]) for arg in found["args"]]


def value(args: list[str], flag: str) -> str:
    (found,) = [arg.partition("=")[2] for arg in args if arg.startswith(f"{flag}=")]
    return found


# --- the gcloud commands


def in_shell(text: str) -> Iterator[str]:
    """Yield the gcloud commands of a shell script, with placeholders for variables."""
    text = re.sub(r"\\\n\s*", " ", text)
    text = re.sub(r"value\(([\w.]+)\)", r"value_\1", text)
    while inner := re.search(r"\$\(([^()]*)\)", text):
        yield from in_shell(inner[1])
        text = text.replace(inner[0], "some-text")
    for line in text.splitlines():
        line = re.sub(r"\s\d?>&?\s?\S+", "", line)
        line = re.sub(r"\$(account|build|runtime|DEPLOYER)\b", "some@example.com", line)
        line = re.sub(r"\$\{[^}]*\}|\$\w+", "some-text", line)
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        try:
            tokens = list(words)
        except ValueError:  # a text that continues on the next line
            continue
        while "gcloud" in tokens:
            tokens = tokens[tokens.index("gcloud") :]
            end = [i for i, token in enumerate(tokens) if set(token) <= set("();<>|&")]
            command, tokens = tokens[: min(end, default=None)], tokens[1:]
            if len(command) > 1 and command[1] != "$@":
                yield shlex.join(command)


def commands(project: Path) -> Iterator[tuple[str, str]]:
    """Yield every gcloud command of a project, after the path of its file."""
    for path, text in texts(project).items():
        found: list[str] = []
        if path == "cloudbuild.yaml":
            steps = [s for s in yaml.safe_load(text)["steps"] if s.get("entrypoint") == "gcloud"]
            found = [shlex.join(["gcloud", *step(project, s["id"])]) for s in steps]
        elif path == "Makefile":
            targets = " ".join(re.findall(r"^\.PHONY: ([a-z -]+)$", text, re.MULTILINE)).split()
            found = list(in_shell(run("make", "--dry-run", "m=x", *targets, cwd=project)))
        elif path.endswith(".md"):
            blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
            prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
            for code in blocks + re.findall(r"`(gcloud [^`]+)`", prose):
                found += in_shell(code)
        elif path.endswith((".sh", ".yml")):
            found = list(in_shell(text))
        yield from ((path, command) for command in found)


def lint(found: dict[str, str], tmp_path: Path) -> list[tuple[str, str, str]]:
    """Lint commands with gcloud; return each with its file, and its fault or an empty text."""
    if not shutil.which("gcloud"):
        missing("the gcloud CLI")
    file = tmp_path / "commands.json"
    file.write_text(json.dumps([{"command_string": command} for command in found]))
    done = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        cwd=tmp_path,  # gcloud creates the files that a command would write
        env=environment(CLOUDSDK_CONFIG=str(tmp_path / "gcloud")),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    faults = [each["error_message"] or "" for each in json.loads(done.stdout)]
    return [(*pair, fault) for pair, fault in zip(found.items(), faults, strict=True)]


@pytest.mark.thorough
def test_gcloud_knows_every_command_with_its_flags(bake: Bake, tmp_path: Path) -> None:
    found: dict[str, str] = {}
    for answers in covering():
        found |= {command: path for path, command in commands(bake(**answers))}
    assert set(found.values()) >= {*WITH_COMMANDS}
    assert [checked for checked in lint(found, tmp_path) if checked[2]] == []


@pytest.mark.thorough
def test_a_flag_that_gcloud_does_not_know_is_found_in_every_file(
    workshop: Bake, tmp_path: Path
) -> None:
    project = workshop(deploy="cloud-run")
    for path in WITH_COMMANDS:
        text = (project / path).read_text(encoding="utf-8")
        wrong = re.sub(r"--(region|location|audiences)=", r"--wrong-\1=", text)
        (project / path).write_text(wrong, encoding="utf-8")
    found = {command: path for path, command in commands(project)}
    faulty = [(command, path) for command, path, fault in lint(found, tmp_path) if fault]
    assert all("--wrong-" in command for command, _ in faulty)
    assert {path for _, path in faulty} == {*WITH_COMMANDS}


@every_datastore
def test_a_page_that_describes_a_deploy_states_in_the_same_paragraph_that_none_was_tried(
    bake: Bake, datastore: str
) -> None:
    project = bake(datastore=datastore, deploy="cloud-run")
    pages = (TEMPLATE / "docs/answers.md", TEMPLATE / "CHANGELOG.md", project / "README.md")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        paragraphs = re.split(r"\n\n|\n(?=- )", text)
        promises = [each for each in paragraphs if "make deploy-setup deploy smoke" in each]
        assert promises, page
        for promise in promises:
            assert re.search(
                r"(nothing was|not) tried\s+in\s+a\s+Google Cloud project", promise, re.I
            )
    head = (project / "docs/cloud-run.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert "Nothing on this page was tried in a Google Cloud project." in head


# --- files that other tools read


@every_datastore
def test_cloud_build_s_schema_accepts_cloudbuild_yaml(bake: Bake, datastore: str) -> None:
    project = bake(datastore=datastore, deploy="cloud-run")
    schema = ["--builtin-schema", "vendor.cloudbuild"]
    run("check-jsonschema", *schema, "cloudbuild.yaml", cwd=project)


def test_github_s_schema_and_zizmor_accept_the_workflows(bake: Bake) -> None:
    project = bake(deploy="cloud-run")
    schema = ["--builtin-schema", "vendor.github-workflows"]
    run("check-jsonschema", *schema, *sorted((project / WORKFLOWS).glob("*.yml")), cwd=project)
    run("zizmor", "--offline", "--quiet", project / ".github", cwd=project)


def test_a_project_s_workflows_are_the_template_s_byte_for_byte(bake: Bake) -> None:
    """The template's root has copies, because GitHub lets no workflow create a workflow."""
    paths = list((bake(deploy="cloud-run") / WORKFLOWS).iterdir())
    assert paths
    for path in paths:
        assert path.read_bytes() == (TEMPLATE / WORKFLOWS / path.name).read_bytes()


def test_the_upload_for_a_build_has_no_secret_and_every_file_that_the_image_needs(
    workshop: Bake, tmp_path: Path
) -> None:
    if not shutil.which("gcloud"):
        missing("the gcloud CLI")
    project = workshop(deploy="cloud-run")
    for path in (".env", "gha-creds-0123456789abcdef.json", ".venv/bin/python", ".git/config"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("secret")
    own = {"CLOUDSDK_CONFIG": str(tmp_path / "gcloud")}
    listed = run("gcloud", "meta", "list-files-for-upload", cwd=project, **own).splitlines()
    assert {"Dockerfile", "requirements/common.txt", "api/__init__.py", "bin/run.sh"} <= {*listed}
    assert not [path for path in listed if path.startswith((".env/", ".venv", ".git/", "gha-"))]
    assert ".env" not in listed


# --- the content of cloudbuild.yaml


@every_datastore
def test_the_image_is_pushed_before_a_step_needs_it_and_is_listed_for_its_provenance(
    bake: Bake, datastore: str
) -> None:
    """Google records no provenance for an image that only `docker push` has pushed."""
    project = bake(datastore=datastore, deploy="cloud-run")
    build = config(project)
    image = value(step(project, "build"), "--tag")
    assert [fill_in(name, build["substitutions"]) for name in build["images"]] == [image]
    steps = [step["id"] for step in build["steps"]]
    users = [id_ for id_ in steps if f"--image={image}" in step(project, id_)]
    assert step(project, "push") == ["push", image]
    assert users == steps[steps.index("push") + 1 :] != []


@pytest.mark.parametrize("ci", [answer for answer in AXES["ci"] if answer != "github"])
def test_a_trigger_deploys_each_push_as_the_build_account_from_the_build_s_file(
    bake: Bake, tmp_path: Path, ci: str
) -> None:
    project = bake(deploy="cloud-run", ci=ci)
    triggers = [command for _, command in commands(project) if " triggers create " in command]
    triggers = [command for command in triggers if "--help" not in command]
    assert len(triggers) == 1
    assert [fault for *_, fault in lint(dict.fromkeys(triggers, ""), tmp_path)] == [""]
    words = shlex.split(triggers[0])
    account = config(project)["substitutions"]["_BUILD_ACCOUNT"]
    assert f"/{account}@" in value(words, "--service-account")
    assert (project / value(words, "--build-config")).exists()
    assert value(words, "--substitutions").partition("=")[0] in config(project)["substitutions"]
    assert value(words, "--region") == config(project)["substitutions"]["_REGION"]


@every_datastore
def test_concurrency_and_threads_are_one_variable(bake: Bake, datastore: str) -> None:
    (deploy,) = [
        step
        for step in config(bake(datastore=datastore, deploy="cloud-run"))["steps"]
        if step["id"] == "deploy"
    ]
    assert value(deploy["args"], "--concurrency") == "${_CONCURRENCY}"
    settings = dict(pair.split("=") for pair in value(deploy["args"], "--set-env-vars").split(","))
    assert settings["THREADS"] == "${_CONCURRENCY}"
    assert settings["WORKERS"] == value(deploy["args"], "--cpu") == "${_CPU}"


def test_the_connections_that_can_be_opened_fit_the_database_of_the_documentation(
    bake: Bake,
) -> None:
    project = bake(datastore="sql", deploy="cloud-run")
    chosen = config(project)["substitutions"]
    numbers = [int(chosen[f"_{what}"]) for what in ("MAX_INSTANCES", "CPU", "CONCURRENCY")]
    service = numbers[0] * numbers[1] * numbers[2]
    docs = (project / "docs/cloud-run.md").read_text(encoding="utf-8")
    (allowed,) = re.findall(r"--database-flags=max_connections=(\d+)", docs)
    two_revisions_and_a_migration = 2 * service + 1
    assert two_revisions_and_a_migration <= int(allowed) - 3
    assert f"{numbers[0]} x {numbers[1]} x {numbers[2]} = {service}." in docs


@every_datastore
def test_the_documentation_has_the_values_of_cloudbuild_yaml(bake: Bake, datastore: str) -> None:
    project = bake(datastore=datastore, deploy="cloud-run")
    chosen = config(project)["substitutions"]
    docs = (project / "docs/cloud-run.md").read_text(encoding="utf-8")
    assert set(re.findall(r"--region=(\S+?)[`\s]", docs)) == {chosen["_REGION"]}
    for variable, default in re.findall(r"^\| `(_\w+)` \| (\S+) \|", docs, re.MULTILINE):
        assert chosen[variable] == default
    deploy = step(project, "deploy")
    for quick in re.findall(r"^gcloud run deploy .*?[^\\]\n", docs, re.MULTILINE | re.DOTALL):
        for flag in ("--startup-probe", "--concurrency", "--cpu"):
            assert f"{flag}={value(deploy, flag)}" in quick
        assert f"THREADS={chosen['_CONCURRENCY']},WORKERS={chosen['_CPU']}," in quick


# --- names that are made from the slug

ENDS_WELL = r"[a-z]([a-z0-9-]*[a-z0-9])?"
# Google's limits of each name: the pattern, the minimum and the maximum length; and the source.
NAMES = {
    "service": (ENDS_WELL, 1, 49),  # https://cloud.google.com/run/docs/deploying
    "migration": (ENDS_WELL, 1, 49),  # https://cloud.google.com/run/docs/create-jobs
    "repository": (
        ENDS_WELL,
        1,
        63,
    ),  # https://cloud.google.com/artifact-registry/docs/repositories
    "secret": (r"[A-Za-z0-9_-]+", 1, 255),  # https://cloud.google.com/secret-manager/quotas
    # https://cloud.google.com/sql/docs/postgres/create-instance: together, a project and an
    # instance have at most 97 characters. A project has at most 30.
    "instance": (ENDS_WELL, 1, 67),
    # https://cloud.google.com/iam/docs/service-accounts-create
    "build account": (ENDS_WELL, 6, 30),
    "runtime account": (ENDS_WELL, 6, 30),
    "GitHub's account": (ENDS_WELL, 6, 30),
    # https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers
    "provider": (r"(?!gcp-)[a-z0-9-]+", 4, 32),
}


class Namer:
    """Render only the files that contain names made from the slug, for many slugs."""

    def __init__(self, cookies: Cookies, template: Path) -> None:
        self.cookies, self.template = cookies, template
        for path in (
            "cookiecutter.json",
            f"{PROJECT.name}/cloudbuild.yaml",
            f"{PROJECT.name}/docs/cloud-run.md",
        ):
            (template / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TEMPLATE / path, template / path)

    def render(self, **answers: str) -> Path:
        given = {"datastore": "sql", "deploy": "cloud-run"} | answers
        result = self.cookies.bake(given, template=str(self.template))
        assert result.exception is None
        return result.project_path

    def names(self, slug: str) -> dict[str, str]:
        project = self.render(project_slug=slug)
        chosen = config(project)["substitutions"]
        docs = (project / "docs/cloud-run.md").read_text(encoding="utf-8")
        (github,) = re.findall(r"DEPLOYER=([^@]+)@", docs)
        (provider,) = re.findall(r"create-oidc (\S+)", docs)
        assert f"gcloud iam service-accounts create {github}\n" in docs
        assert f'/providers/{provider}"' in docs
        assert f'"{chosen["_BUILD_ACCOUNT"]}@$PROJECT.iam' in docs
        instance = chosen["_CLOUD_SQL_INSTANCE"].split(":")[-1]
        assert f"gcloud sql instances create {instance} " in docs
        (job,) = re.findall(r"job_name=([^\"]+)", docs)
        assert step(project, "migrate")[3] == job
        return {
            "service": chosen["_SERVICE"],
            "migration": job,
            "repository": chosen["_REPOSITORY"],
            "secret": chosen["_SECRET"],
            "instance": instance,
            "build account": chosen["_BUILD_ACCOUNT"],
            "runtime account": chosen["_RUNTIME_ACCOUNT"],
            "GitHub's account": github,
            "provider": provider,
        }


@pytest.fixture
def namer(cookies: Cookies, tmp_path: Path) -> Namer:
    return Namer(cookies, tmp_path / "template")


LONG = ["customer-orders-service-api", "customer-orders-service-admin"]
CUT = ["customer-order-5154073", "customer-order-48984e9"]
SLUGS = [
    *LONG,
    *("a" * length for length in (1, 2, 20, 21, 22, 23, 30, 48, 49)),
    *("a" * (length - 2) + "-b" for length in (21, 22, 23, 49)),
    *("a" * 14 + hyphens + "b" * 10 for hyphens in ("", "-", "--", "---")),
    # One character differs, or two characters are swapped, at each end of the part that is cut.
    *("a" * (at - 1) + "b" + "a" * (49 - at) for at in (2, 14, 15, 21, 22, 23, 48, 49)),
    *(
        f"customer-orders-service-{end}"
        for end in ("ab", "ba", "v1", "v2", "v11", "v12", "1", "11")
    ),
]


def test_every_name_is_one_that_google_cloud_allows_and_belongs_to_one_slug(namer: Namer) -> None:
    """A slug may equal the shortened form of another slug."""
    cut = namer.names(LONG[0])["instance"]
    given = {slug: namer.names(slug) for slug in {*SLUGS, cut, cut[:14], cut[:-1]}}
    assert {len(names) for names in given.values()} == {len(NAMES)}
    for what, (pattern, least, greatest) in NAMES.items():
        names = [names[what] for names in given.values()]
        assert [name for name in names if not re.fullmatch(pattern, name)] == []
        assert [name for name in names if not least <= len(name) <= greatest] == []
        assert sorted(names) == sorted(set(names)), what
    accounts = [name for names in given.values() for what, name in names.items() if "acc" in what]
    assert len(set(accounts)) == 3 * len(given)


def test_a_long_slug_is_always_cut_the_same_way_and_a_short_slug_is_not_cut(namer: Namer) -> None:
    names = namer.names("a" * 21)
    assert names["instance"] == "a" * 21
    assert names["runtime account"] == "a" * 21 + "-runtime"
    assert [namer.names(slug)["instance"] for slug in LONG] == CUT


def test_a_name_that_is_too_long_for_a_slug_makes_a_slug_of_its_own(namer: Namer) -> None:
    """GitHub's button makes the slug without asking for it."""
    ends = ("api", "admin", "api-2", "2-api")
    names = [f"{begin}{'Customer orders ' * 4}{end}" for begin in ("", "9 ") for end in ends]
    slugs = [namer.render(project_name=name).name for name in names]
    assert len(set(slugs)) == len(names)
    assert all(len(slug) <= 49 and re.fullmatch(ENDS_WELL, slug) for slug in slugs)


def test_the_socket_of_the_database_has_a_path_that_linux_allows(bake: Bake) -> None:
    """107 characters: https://man7.org/linux/man-pages/man7/unix.7.html"""
    project = bake(datastore="sql", deploy="cloud-run", project_slug="a" * 49)
    instance = config(project)["substitutions"]["_CLOUD_SQL_INSTANCE"]
    longest = {"$PROJECT_ID": "p" * 30, "${_REGION}": "northamerica-northeast1"}
    for variable, text in longest.items():
        instance = instance.replace(variable, text)
    assert len(f"/cloudsql/{instance}/.s.PGSQL.5432") <= 107


def test_make_logs_prints_lines_of_every_kind(bake: Bake, tmp_path: Path) -> None:
    """The real gcloud calls a stand-in for Google's API, which returns a line of each kind."""
    if not shutil.which("gcloud"):
        missing("the gcloud CLI")
    when = {"timestamp": "2026-11-20T12:00:00Z", "logName": "a", "insertId": "a"}
    url = {"requestMethod": "GET", "status": 404, "requestUrl": "https://a/no"}
    lines = [
        when | {"severity": "ERROR", "jsonPayload": {"message": "in JSON", "stack_trace": "Trace"}},
        when | {"severity": "WARNING", "httpRequest": url},
        when | {"severity": "INFO", "textPayload": "plain"},
    ]
    (tmp_path / "token").write_text("any", encoding="utf-8")
    with answering(
        {"/v2/entries:list": (200, "application/json")}, json.dumps({"entries": lines})
    ) as api:
        own = {
            "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
            "CLOUDSDK_CORE_PROJECT": "some-project",
            "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(tmp_path / "token"),
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"{api}/",
        }
        printed = run("make", "logs", cwd=bake(deploy="cloud-run"), **own)
    assert [line.split() for line in printed.splitlines() if line.startswith("2026")] == [
        ["2026-11-20", "12:00:00", "ERROR", "in", "JSON", "Trace"],
        ["2026-11-20", "12:00:00", "WARNING", "GET", "404", "https://a/no"],
        ["2026-11-20", "12:00:00", "INFO", "plain"],
    ]


def test_the_build_step_builds_the_image(workshop: Bake) -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "info"], capture_output=True).returncode:
        missing("a running Docker engine")
    project = workshop(project_slug=f"test-{uuid4().hex[:8]}", deploy="cloud-run")
    (build,) = [step for step in config(project)["steps"] if step["id"] == "build"]
    args = step(project, "build")
    image = value(args, "--tag")
    assert image.startswith("us-central1-docker.pkg.dev/some-project/test-")
    try:
        settings = dict(pair.split("=") for pair in build["env"])
        run(docker, *args, cwd=project, **settings)
        form = "{{.Os}}/{{.Architecture}}"
        built = run(docker, "image", "inspect", "--format", form, image, cwd=project)
        assert built.strip() == value(args, "--platform")
    finally:
        subprocess.run([docker, "image", "rm", image], capture_output=True)


@pytest.mark.thorough
def test_the_migrate_step_migrates_over_the_socket_of_the_documentation_s_url(
    workshop: Bake, postgresql: PostgreSQL
) -> None:
    project = workshop(datastore="sql", deploy="cloud-run")
    install(project)
    docs = (project / "docs/cloud-run.md").read_text(encoding="utf-8")
    (form,) = re.findall(r'^export DATABASE_URL="(.*)"$', docs, re.MULTILINE)
    url = form.replace("$PASSWORD", "secret").replace("$PROJECT", "some-project")
    instance = url.partition("host=/cloudsql/")[2]
    assert instance == value(step(project, "migrate"), "--set-cloudsql-instances")
    args = step(project, "migrate")
    command = [value(args, "--command"), *value(args, "--args").split(",")]
    postgresql.create("api")
    with tempfile.TemporaryDirectory() as folder:  # a short one: a socket's path has 107 characters
        (Path(folder) / instance).mkdir()
        socket = postgresql.folder / f".s.PGSQL.{postgresql.port}"
        (Path(folder) / instance / ".s.PGSQL.5432").symlink_to(socket)
        own = {"DATABASE_URL": url.replace("/cloudsql/", f"{folder}/")}
        run(*command, cwd=project, **own)
        assert "0001 (head)" in run("bin/run.sh", "alembic", "current", cwd=project, **own)


# --- make deploy-setup, with a stand-in for gcloud that records its arguments

RECORDER = """#!/bin/sh
echo "= gcloud $*" >> "$LOG"
case "$*" in
"config get project") echo "$PROJECT" ;;
"run services describe "*) echo "$URL" ;;
"secrets versions access "*) [ -n "$STORED" ] && printf %s "$STORED" ;;
"secrets versions add "*) cat > "$LOG.stdin" ;;
*" describe"*) [ -n "$THERE" ] ;;
esac
"""


class Recorder:
    """A command line in which gcloud is a recorder."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        (folder / "tools").mkdir()
        gcloud = folder / "tools/gcloud"
        gcloud.write_text(RECORDER)
        gcloud.chmod(0o755)
        self.settings = {
            "PATH": f"{gcloud.parent}:{os.environ['PATH']}",
            "LOG": str(self.log),
            "PROJECT": "some-project",
            **dict.fromkeys(("URL", "STORED", "THERE", "DATABASE_URL"), ""),
        }

    def run(self, *command: str | Path, cwd: Path, **own: str) -> str:
        """Run a command; return its output and the recorded calls of gcloud, in order."""
        self.log.write_text("")
        with self.log.open("a") as out:
            settings = environment(**self.settings | own)
            done = subprocess.run(command, cwd=cwd, env=settings, stdout=out, stderr=out)
        log = self.log.read_text()
        assert done.returncode == 0, log
        return log


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


@every_datastore
def test_deploy_setup_creates_the_missing_resources_and_prints_each_command_first(
    bake: Bake, recorder: Recorder, datastore: str
) -> None:
    project = bake(datastore=datastore, deploy="cloud-run")
    own = {"DATABASE_URL": SECRET} if datastore == "sql" else {}
    *lines, last = recorder.run("bin/deploy-setup.sh", cwd=project, **own).splitlines()
    assert last.startswith("The project some-project is ready: make deploy")
    shown, ran = lines[::2], lines[1::2]
    assert [line.replace("+ ", "= ", 1) for line in shown] == ran
    made = [line.split(" --")[0] for line in shown if re.search(r" (create|add) ", line)]
    expected = [
        "artifacts repositories create my-flask-api",
        "iam service-accounts create my-flask-api-build",
        "iam service-accounts create my-flask-api-runtime",
    ]
    if datastore == "sql":
        secret = "my-flask-api-database-url"
        expected = [f"secrets create {secret}", f"secrets versions add {secret}", *expected]
    elif datastore == "firestore":
        expected = ["firestore databases create", *expected]
    assert made == [f"+ gcloud {command}" for command in expected]


@every_datastore
def test_deploy_setup_grants_each_account_only_its_roles(
    bake: Bake, recorder: Recorder, datastore: str
) -> None:
    project = bake(datastore=datastore, deploy="cloud-run")
    log = recorder.run("bin/deploy-setup.sh", cwd=project, THERE="yes", STORED=SECRET)
    binding = re.compile(
        r"^= gcloud (\S+).* add-iam-policy-binding (\S+) --member=serviceAccount:my-flask-api-(\w+)@"
        r".*--role=(\S+)",
        re.MULTILINE,
    )
    runtime = "my-flask-api-runtime@some-project.iam.gserviceaccount.com"
    own = {
        "none": set(),
        "sql": {
            ("projects", "some-project", "runtime", "roles/cloudsql.client"),
            (
                "secrets",
                "my-flask-api-database-url",
                "runtime",
                "roles/secretmanager.secretAccessor",
            ),
        },
        "firestore": {("projects", "some-project", "runtime", "roles/datastore.user")},
    }
    assert {*binding.findall(log)} == {
        ("projects", "some-project", "build", "roles/cloudbuild.builds.builder"),
        ("projects", "some-project", "build", "roles/run.admin"),
        ("iam", runtime, "build", "roles/iam.serviceAccountUser"),
        *own[datastore],
    }


@every_datastore
def test_deploy_setup_creates_nothing_if_everything_exists(
    bake: Bake, recorder: Recorder, datastore: str
) -> None:
    project = bake(datastore=datastore, deploy="cloud-run")
    for own in ({}, {"DATABASE_URL": SECRET}):
        log = recorder.run("bin/deploy-setup.sh", cwd=project, THERE="yes", STORED=SECRET, **own)
        assert not re.search(r" (create|add|delete|update) ", log)


def test_deploy_setup_stores_a_secret_that_has_changed(bake: Bake, recorder: Recorder) -> None:
    project = bake(datastore="sql", deploy="cloud-run")
    changed = SECRET.replace("hunter2", "hunter3")
    own = {"THERE": "yes", "STORED": SECRET, "DATABASE_URL": changed}
    log = recorder.run("bin/deploy-setup.sh", cwd=project, **own)
    assert "= gcloud secrets versions add my-flask-api-database-url --data-file=-" in log
    assert "secrets create" not in log
    assert Path(f"{recorder.log}.stdin").read_text() == changed


def test_deploy_setup_never_prints_the_secret(bake: Bake, recorder: Recorder) -> None:
    project = bake(datastore="sql", deploy="cloud-run")
    for stored in ("", SECRET, "postgresql://api:other@/api?host=/cloudsql/a:b:c"):
        own = {"DATABASE_URL": SECRET, "STORED": stored}
        assert "hunter2" not in recorder.run("bin/deploy-setup.sh", cwd=project, **own)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"PROJECT": ""}, "no project is set; choose one: gcloud config set project PROJECT_ID"),
        (
            {},
            "DATABASE_URL is not set, and cannot be read from the secret "
            "my-flask-api-database-url: ",
        ),
        (
            {"DATABASE_URL": "postgresql://api:hunter2@localhost/api"},
            "DATABASE_URL does not name the Cloud SQL instance of cloudbuild.yaml: it must be "
            "postgresql://",
        ),
        (
            {"DATABASE_URL": "sqlite:///hunter2"},
            "DATABASE_URL does not name the Cloud SQL instance ",
        ),
        (
            {"DATABASE_URL": SECRET.replace("us-central1", "europe-west1")},
            "DATABASE_URL does not name the Cloud SQL instance of cloudbuild.yaml: it must be "
            "postgresql://USER:PASSWORD@/DATABASE?host=/cloudsql/some-project:us-central1:my-flask-api",
        ),
    ],
)
def test_deploy_setup_names_a_missing_or_wrong_setting_in_one_line(
    bake: Bake, recorder: Recorder, own: dict[str, str], message: str
) -> None:
    done = subprocess.run(
        ["bin/deploy-setup.sh"],
        cwd=bake(datastore="sql", deploy="cloud-run"),
        env=environment(**recorder.settings | own),
        text=True,
        capture_output=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"deploy-setup: {message}")
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stdout + done.stderr
    assert " create " not in recorder.log.read_text()


def test_deploy_setup_prints_where_to_get_gcloud(bake: Bake, tmp_path: Path) -> None:
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    message = r"deploy-setup: gcloud is not installed; install it: https://\S+\n$"
    with pytest.raises(AssertionError, match=message):
        run("bin/deploy-setup.sh", cwd=bake(deploy="cloud-run"), PATH=str(tmp_path))


# --- make deploy and make smoke


def test_make_deploy_passes_the_commit(workshop: Bake, recorder: Recorder) -> None:
    project = workshop(deploy="cloud-run")

    def revision() -> str:
        log = recorder.run("make", "deploy", cwd=project)
        return re.findall(r"^= gcloud builds submit .*_REVISION=(\S*)$", log, re.MULTILINE)[0]

    assert revision() == "unknown"
    git = partial(run, "git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    git("init", "-q", cwd=project)
    git("add", "-A", cwd=project)
    git("commit", "-q", "-m", "Begin", cwd=project)
    git("tag", "-a", "v1.0.0", "-m", "1.0.0", cwd=project)
    commit = git("rev-parse", "HEAD", cwd=project).strip()
    assert revision() == commit
    (project / "wsgi.py").write_text("changed\n")
    assert revision() == f"{commit}-dirty"


def test_make_smoke_calls_the_service_that_is_deployed(workshop: Bake, recorder: Recorder) -> None:
    project = workshop(deploy="cloud-run")
    with serving(project) as server:
        log = recorder.run("make", "smoke", cwd=project, URL=server.address)
    describe = "= gcloud run services describe my-flask-api --region=us-central1"
    assert f"{describe} --format=value(status.url)\n" in log
    assert re.findall(r"^GET .*", log, re.MULTILINE) == [
        "GET /health: 200 application/json",
        "GET /openapi.json: 200 application/json",
        "GET /no-such-page: 404 application/problem+json",
    ]


def test_make_smoke_stops_if_gcloud_fails(bake: Bake, tmp_path: Path) -> None:
    (tmp_path / "gcloud").write_text("#!/bin/sh\necho 'ERROR: no project' >&2\nexit 1\n")
    (tmp_path / "gcloud").chmod(0o755)
    with pytest.raises(AssertionError, match="ERROR: no project") as failed:
        run("make", "smoke", cwd=bake(deploy="cloud-run"), PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert "usage:" not in str(failed.value)


GOOD = {"/health": (200, "application/json"), "/openapi.json": (200, "application/json")}


@contextmanager
def answering(answers: dict[str, tuple[int, str]], text: str = "") -> Iterator[str]:
    """Serve these statuses and media types with a text, and 404 for every other path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind = answers.get(self.path.partition("?")[0], (404, "text/html"))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    with listening(Handler) as address:
        yield address


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"/health": (403, "text/html; charset=UTF-8")},
            "/health: expected 200 application/json, got 403 text/html; charset=UTF-8",
        ),
        (
            {"/openapi.json": (200, "text/html")},
            "/openapi.json: expected 200 application/json, got 200 text/html",
        ),
        ({}, "/no-such-page: expected 404 application/problem+json, got 404 text/html"),
    ],
)
def test_smoke_prints_the_expected_and_the_actual_response(
    bake: Bake, wrong: dict[str, tuple[int, str]], message: str
) -> None:
    project = bake(deploy="cloud-run")
    with answering(GOOD | wrong) as url, pytest.raises(AssertionError) as failed:
        run("bin/smoke.sh", f"{url}/", cwd=project)
    assert str(failed.value).splitlines()[0].endswith("exits with 1:")
    assert str(failed.value).splitlines()[-1] == f"GET {url}{message}"


@pytest.mark.parametrize("deploy", AXES["deploy"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_smoke_calls_this_machine_without_the_proxy_of_the_environment(
    bake: Bake, deploy: str, host: str
) -> None:
    own = GOOD | {"/no-such-page": (404, "application/problem+json")}
    with answering(own) as url, answering({}) as proxy:
        local = url.replace("127.0.0.1", host)
        log = run("bin/smoke.sh", local, cwd=bake(deploy=deploy), http_proxy=proxy)
    assert log.count("GET ") == 3


def test_smoke_calls_another_machine_with_the_proxy_of_the_environment(bake: Bake) -> None:
    with answering({}) as proxy, pytest.raises(AssertionError, match="got 404 text/html"):
        run("bin/smoke.sh", "http://127.example", cwd=bake(), http_proxy=proxy)


def test_smoke_reports_that_there_is_no_response(bake: Bake) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(AssertionError, match=f"GET {url}/health: .*, got no response$"):
        run("bin/smoke.sh", url, cwd=bake(deploy="cloud-run"))


def test_smoke_sends_its_token_over_tls_only_and_not_as_an_argument(
    bake: Bake, tmp_path: Path
) -> None:
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\necho "$*" >> "$LOG"\ncat >> "$LOG.stdin"\nexit 7\n')
    curl.chmod(0o755)
    log, sent = tmp_path / "log", tmp_path / "log.stdin"
    for scheme in ("http", "https"):
        subprocess.run(
            ["bin/smoke.sh", f"{scheme}://example.com"],
            cwd=bake(deploy="cloud-run"),
            env=environment(
                PATH=f"{tmp_path}:{os.environ['PATH']}", LOG=str(log), IDENTITY_TOKEN="hunter2"
            ),
            capture_output=True,
        )
        assert ("hunter2" in sent.read_text()) == (scheme == "https")
    assert sent.read_text().strip() == 'header = "Authorization: Bearer hunter2"'
    assert "hunter2" not in log.read_text()
