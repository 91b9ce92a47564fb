import json
import logging
import os
import pty
import sys
from typing import Any

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
    assert record["level"] == "ERROR"
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


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def itself() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("message", "arguments", "extra"),
    [
        ("caf\udce9 here", (), {}),
        ("here %s", ("caf\udce9",), {}),
        ("here %d", ("text",), {}),
        ("here", ("too many",), {}),
        ("here %s %s", ("too few",), {}),
        ("here %s", (Broken(),), {}),
        (Broken(), ("here",), {}),
        ({"here": "caf\udce9"}, (), {}),
        ("here", (), {"text": "caf\udce9"}),
        ("here", (), {"caf\udce9": "text"}),
        ("here", (), {"object": Broken()}),
        ("here", (), {"itself": itself()}),
        ("here", (), {"keys": {(1, 2): "a tuple"}}),
        ("here", (), {"number": 2**80}),
        ("here", (), {"infinite": float("inf")}),
        ("here", (), {"bytes": b"\xff"}),
        ("here", (), {1: "a number"}),
        ("here", (), "no dictionary"),
        ("here", (), {"name": "x", "message": "x", "args": "x", "levelname": "x", "exc_info": "x"}),
    ],
)
@pytest.mark.parametrize("exc_info", [False, True])
def test_every_record_is_one_line_of_json(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    message: object,
    arguments: Any,
    extra: Any,
    exc_info: bool,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's would fail here
    logs.configure("info")
    try:
        raise RuntimeError("caf\udce9")
    except RuntimeError:
        logging.getLogger("any").error(message, *arguments, extra=extra, exc_info=exc_info)
    captured = capsys.readouterr()
    record = json.loads(captured.out)
    assert (captured.out.count("\n"), captured.err) == (1, "")
    assert (record["logger"], "here" in captured.out) == ("any", True)
    assert ("RuntimeError: caf\\udce9" in record.get("stack_trace", "")) == exc_info


def test_an_extra_field_replaces_no_field_of_the_record(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = {
        "request_id": "theirs",
        "logger": "theirs",
        "time": "theirs",
        "level": "theirs",
    }

    @app.get("/log")
    def log() -> str:
        logging.getLogger("any").info("hello", extra=theirs)
        logging.getLogger("any").info(theirs)
        return ""

    logs.configure("info")
    app.test_client().get("/log", headers={"X-Request-ID": "abc"})
    for line in capsys.readouterr().out.splitlines():
        record = json.loads(line)
        assert record["logger"] == "any"
        assert record["request_id"] == "abc"
        assert record["time"].endswith("Z")
        assert {f"extra_{name}" for name in theirs} <= record.keys()


def test_characters_that_the_terminal_cannot_encode_are_escaped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="ascii") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        logs.configure("info")
        logging.getLogger("any").info("café \udce9")
        assert (
            os.read(ours, 1000)
            .decode()
            .endswith("any: caf\xc3\xa9 \\udce9\r\n".encode("latin-1").decode())
        )
    os.close(ours)
