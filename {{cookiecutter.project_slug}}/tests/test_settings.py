import re
from pathlib import Path

import pytest

from api.settings import Settings

ROOT = Path(__file__).parent.parent


def test_without_a_variable_every_setting_has_its_default() -> None:
    assert Settings.from_environment({}) == Settings()


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.from_environment({"PORT": ""}).port == 8080


def test_a_variable_is_converted_to_the_type_of_its_setting() -> None:
    settings = Settings.from_environment({"PORT": "80", "DOCS": "off"})
    assert (settings.port, settings.docs) == (80, "off")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "http", "1 to 65535"),
        ("PORT", "0", "1 to 65535"),
        ("THREADS", "-1", "1 to 1000"),
        ("DOCS", "no", "on or off"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error, critical"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SystemExit, match=f"^{name}='{value}': use {allowed}\\.$"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("name", [name.upper() for name in Settings.__struct_fields__])
def test_no_setting_takes_just_anything(name: str) -> None:
    with pytest.raises(SystemExit, match=rf"^{name}='(\?|…)': use ..."):
        Settings.from_environment({name: "?"})


@pytest.mark.parametrize(
    ("path", "line"),
    [(".env.example", r"^([A-Z_]+)=(.*)$"), ("README.md", r"^\| `([A-Z_]+)` \| (?:`(.*?)` )?\|")],
)
def test_every_setting_is_documented_with_its_default(path: str, line: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    documented = dict(re.findall(line, text, re.MULTILINE))
    defaults = {name: getattr(Settings(), name) for name in Settings.__struct_fields__}
    assert documented == {name.upper(): str(value) for name, value in defaults.items()}
