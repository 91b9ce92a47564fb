import json
import logging
import os
import pty
import sys

import pytest
from flask import Flask

from chassis import Settings, logs

from .things import create_app

pytestmark = pytest.mark.usefixtures("unconfigured_logging")


def test_an_exception_is_one_line_with_its_stack_and_the_request_s_id(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("on\ntwo lines")

    logs.configure("info")
    app.test_client().get("/broken", headers={"X-Request-ID": "abc"})
    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert record["{{ 'severity' if cookiecutter.deploy == 'cloud-run' else 'level' }}"] == "ERROR"
    assert record["message"] == "Exception on /broken [GET]"
    assert record["request_id"] == "abc"
    assert "RuntimeError: on\ntwo lines" in record["stack_trace"]
    assert record["time"].endswith("Z")


def test_on_a_terminal_the_log_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        logs.configure("info")
        logging.getLogger("any").info("hello")
        assert os.read(ours, 1000).decode().endswith("INFO    any: hello\r\n")
    os.close(ours)


@pytest.mark.parametrize("level", ["debug", "info"])
def test_an_application_logs_from_its_level_on(
    capsys: pytest.CaptureFixture[str], level: str
) -> None:
    app = create_app(Settings(log_level=level))  # type: ignore[arg-type]
    app.logger.debug("a detail")
    assert ("a detail" in capsys.readouterr().out) == (level == "debug")


def test_two_applications_do_not_log_everything_twice(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        create_app(Settings())
    logging.getLogger("any").info("once")
    assert capsys.readouterr().out.count("once") == 1


def test_a_line_that_was_logged_before_does_not_double_the_next_ones(
    capfd: pytest.CaptureFixture[str],
) -> None:
    root = logging.getLogger()
    root.addHandler(logging.StreamHandler())  # as logging.info() does, if there is no handler
    create_app(Settings()).logger.info("once")
    captured = capfd.readouterr()
    assert (captured.out + captured.err).count("once") == 1


def test_a_test_can_capture_what_an_application_logs(caplog: pytest.LogCaptureFixture) -> None:
    create_app(Settings()).logger.info("captured")
    assert "captured" in caplog.messages
