"""Settings are read from the environment, every fault is reported, and no secret is shown."""

import json
import logging
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec import Meta

from chassis import Secret, Settings, logs


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Key(Secret):
    """A secret that checks its text."""

    def __init__(self, text: str) -> None:
        if not text.startswith("key-"):
            raise ValueError
        super().__init__(text)


class Account(msgspec.Struct):
    password: Secret
    port: int


Token = NewType("Token", Secret)


@dataclass(frozen=True, kw_only=True)
class Own(Settings):
    """Settings that an application adds."""

    name: str = "any text"
    max_things: int = 3
    price: Annotated[float, Meta(gt=0)] = 1.5
    fast: bool = False
    size: Literal["small", "large"] = "small"
    color: Color = Color.RED
    folder: Path = Path("/tmp")
    limit: int | None = None
    origins: tuple[str, ...] = ()
    rates: dict[str, int] = field(default_factory=dict)
    token: Secret | None = None
    password: Annotated[Secret, Meta(min_length=8)] = Secret("not so short")
    key: Key | None = None
    alias: Token | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    zone: ZoneInfo = ZoneInfo("UTC")
    five: Annotated[int, Meta(multiple_of=5)] = 0


@dataclass(frozen=True, kw_only=True)
class Required(Settings):
    api_key: Secret
    region: Annotated[str, Meta(pattern="^[a-z]+$", description="lower-case letters")]


def refused(cls: type[Settings], **environ: str) -> list[str]:
    with pytest.raises(SystemExit) as stopped:
        cls.from_environment(environ)
    return str(stopped.value).splitlines()


@pytest.mark.parametrize("environ", [{}, {"PORT": "", "MAX_THINGS": ""}])
def test_an_unset_or_empty_variable_has_its_default(environ: dict[str, str]) -> None:
    assert Own.from_environment(environ) == Own()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("port", "80", 80),
        ("name", "null", "null"),
        ("price", "2", 2.0),
        ("fast", "true", True),
        ("size", "large", "large"),
        ("color", "blue", Color.BLUE),
        ("folder", "/srv/data", Path("/srv/data")),
        ("limit", "5", 5),
        ("origins", '["https://a.example", "b"]', ("https://a.example", "b")),
        ("rates", '{"fr": 3}', {"fr": 3}),
        ("token", "null", Secret("null")),
        ("password", "long enough", Secret("long enough")),
        ("key", "key-1", Key("key-1")),
        ("alias", "1234", Secret("1234")),
        ("zone", "Europe/Paris", ZoneInfo("Europe/Paris")),
    ],
)
def test_a_variable_is_converted_to_the_type_of_its_setting(
    name: str, text: str, value: object
) -> None:
    assert getattr(Own.from_environment({name.upper(): text}), name) == value


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("DOCS", "no", "one of off, on"),
        ("MAX_THINGS", "abc", "a whole number"),
        ("PRICE", "0", "a number, more than 0"),
        ("PRICE", "nan", "a number, more than 0"),
        ("PRICE", "inf", "a number, more than 0"),
        ("FAST", "yes", "true or false"),
        ("SIZE", "medium", "one of large, small"),
        ("COLOR", "green", "one of blue, red"),
        ("LIMIT", "null", "a whole number"),
        ("ORIGINS", "a,b", "a JSON array"),
        ("ORIGINS", "[1]", "a JSON array"),
        ("RATES", "[]", "a JSON object"),
        ("ZONE", "Mars", "a string for ZoneInfo"),
        ("FIVE", "3", "a whole number, a multiple of 5"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(name: str, text: str, allowed: str) -> None:
    assert refused(Own, **{name: text}) == [f"{name}={text!r}: use {allowed}."]


def test_all_faults_are_reported_at_once() -> None:
    assert refused(Required, PORT="http", THREADS="0", REGION="1") == [
        "PORT='http': use a whole number, at least 1, at most 65535.",
        "THREADS='0': use a whole number, at least 1, at most 1000.",
        "API_KEY is not set: use a string.",
        "REGION='1': use lower-case letters.",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PASSWORD", "1234"),
        ("KEY", "1234"),
        ("ACCOUNTS", '{"a": {"password": "1234", "port": "x"}}'),
    ],
)
def test_a_secret_that_is_refused_is_not_shown(name: str, text: str) -> None:
    (line,) = refused(Own, **{name: text})
    assert line.startswith(f"{name}='…': use ")


def test_a_test_that_fails_does_not_show_the_secrets() -> None:
    environ = {"PORT": "x", "TOKEN": "-".join(["1234", "abcd"])}
    with pytest.raises(SystemExit) as refused:
        Own.from_environment(environ)
    assert "1234-abcd" not in str(refused.getrepr(funcargs=True))


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r:>40}".format, "%s".__mod__])
def test_no_text_shows_a_secret(show: Any) -> None:
    settings = Own(token=Secret("1234-abcd"))
    assert settings.token
    assert settings.token.reveal() == "1234-abcd"
    for shown in (show(settings.token), show(settings), show([settings])):
        assert "1234-abcd" not in shown


@pytest.mark.usefixtures("unconfigured_logging")
def test_no_log_line_shows_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    settings = Own(token=Secret("1234-abcd"))
    fields = {"token": settings.token, "settings": settings}
    logging.getLogger("any").error("failed with %s", settings, extra=fields)
    line = capsys.readouterr().out
    assert "1234-abcd" not in line
    assert json.loads(line)["token"] == "Secret(…)"


def test_a_field_of_a_class_without_the_decorator_is_refused() -> None:
    class Forgotten(Settings):
        max_things: int = 3

    with pytest.raises(TypeError, match=r"Forgotten: add @dataclass\(.*\) .* `max_things`"):
        Forgotten.from_environment({})


def test_a_setting_of_a_type_that_cannot_be_read_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Bounded(Settings):
        folder: Annotated[Path, Meta(min_length=2)] = Path("/tmp")

    with pytest.raises(TypeError, match="Bounded.folder cannot be read"):
        Bounded.from_environment({})


def test_a_setting_without_a_type_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Untyped(Settings):
        max_things = 3

    with pytest.raises(TypeError, match="Untyped.max_things has no type.*`max_things: int = 3`"):
        Untyped.from_environment({})


def test_a_class_may_have_properties_and_methods() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Derived(Settings):
        @property
        def is_busy(self) -> bool:
            return self.threads > 100

        def twice(self) -> int:
            return 2 * self.threads

    assert not Derived.from_environment({}).is_busy
