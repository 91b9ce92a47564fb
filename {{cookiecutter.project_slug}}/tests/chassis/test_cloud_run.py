"""Settings and logs on Cloud Run: https://cloud.google.com/run/docs/container-contract."""

import json
from typing import Any

import pytest

from chassis import Settings, logs

from .server import access, serving
from .things import create_app

# Settings that are valid on Cloud Run.
GOOD = {
    "K_SERVICE": "api",
    "GOOGLE_CLOUD_PROJECT": "a-project",
    # % if cookiecutter.datastore == "sql"
    "DATABASE_URL": "postgresql://api:secret@/api?host=/cloudsql/a-project:europe-west1:api",
    # % endif
}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
FIELDS = [f"logging.googleapis.com/{name}" for name in ("trace", "spanId", "trace_sampled")]


def test_the_defaults_are_those_of_cloud_run() -> None:
    settings = Settings.from_environment(GOOD | {"TIMEOUT": ""})
    assert (settings.access_log, settings.timeout, settings.trusted_proxies) == ("off", 0, 1)
    assert settings.bind_address == "0.0.0.0"


def test_a_setting_overrides_the_default_of_cloud_run() -> None:
    assert Settings.from_environment(GOOD | {"ACCESS_LOG": "on"}).access_log == "on"


# % if cookiecutter.datastore == "sql"
@pytest.mark.parametrize("mark", ["K_SERVICE", "CLOUD_RUN_JOB"])
@pytest.mark.parametrize("url", ["", "sqlite:///instance/app.db"])
def test_sqlite_is_refused_on_cloud_run(mark: str, url: str) -> None:
    with pytest.raises(SystemExit, match="^DATABASE_URL: .* use postgresql://"):
        Settings.from_environment({mark: "api", "DATABASE_URL": url})


# % elif cookiecutter.datastore == "firestore"
@pytest.mark.parametrize("mark", ["K_SERVICE", "CLOUD_RUN_JOB"])
def test_an_emulator_is_refused_on_cloud_run(mark: str) -> None:
    with pytest.raises(SystemExit, match="^FIRESTORE_EMULATOR_HOST: .* unset it"):
        Settings.from_environment({mark: "api", "FIRESTORE_EMULATOR_HOST": "localhost:8200"})


# % endif
def logged(
    capsys: pytest.CaptureFixture[str], project: str, headers: dict[str, str]
) -> dict[str, Any]:
    """Return the log line of an exception in a request with these headers."""
    app = create_app(Settings(google_cloud_project=project))

    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError

    logs.configure("info")
    app.test_client().get("/broken", headers=headers)
    line: dict[str, Any] = json.loads(capsys.readouterr().out)
    return line


@pytest.mark.usefixtures("unconfigured_logging")
@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        (
            {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
            [f"projects/a-project/traces/{TRACE}", "00f067aa0ba902b7", True],
        ),
        (
            {"X-Cloud-Trace-Context": f"{TRACE}/74;o=1"},
            [f"projects/a-project/traces/{TRACE}", "000000000000004a", True],
        ),
        (
            {"X-Cloud-Trace-Context": f"{TRACE}/74"},
            [f"projects/a-project/traces/{TRACE}", "000000000000004a", False],
        ),
        ({"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01\x0b"}, [None] * 3),
        ({"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"}, [None] * 3),
        ({"X-Cloud-Trace-Context": 'a"/b;o=c'}, [None] * 3),
        ({}, [None] * 3),
    ],
)
def test_a_line_belongs_to_the_trace_of_its_request(
    capsys: pytest.CaptureFixture[str], headers: dict[str, str], fields: list[Any]
) -> None:
    line = logged(capsys, "a-project", headers)
    assert [line.get(name) for name in FIELDS] == fields
    assert line["severity"] == "ERROR"
    assert line["stack_trace"].startswith("Traceback")


@pytest.mark.usefixtures("unconfigured_logging")
def test_without_a_project_a_line_belongs_to_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    line = logged(capsys, "", {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert FIELDS[0] not in line


def test_an_access_line_has_the_request_and_its_trace() -> None:
    with serving(GOOGLE_CLOUD_PROJECT="a-project") as server:
        server.get("/no", f"traceparent: 00-{TRACE}-00f067aa0ba902b7-00", "User-Agent: me")
        line = access(server.stop())["/no"]
    assert line["severity"] == "INFO"
    assert [line[name] for name in FIELDS][::2] == [f"projects/a-project/traces/{TRACE}", False]
    request = line["httpRequest"]
    assert 0 < float(request.pop("latency").removesuffix("s")) < 10
    assert request == {
        "requestMethod": "GET",
        "requestUrl": "/no",
        "status": 404,
        "remoteIp": "127.0.0.1",
        "userAgent": "me",
    }
