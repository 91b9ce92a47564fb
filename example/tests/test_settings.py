"""Your settings are documented."""

import re
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.settings import Settings
from chassis import Secret

ROOT = Path(__file__).parent.parent


def written(value: Any) -> str:
    """Return a default as it is written in a variable."""
    match value:
        case None:
            return ""
        case Secret():
            return value.reveal()
        case bool() | list() | tuple() | dict():
            return msgspec.json.encode(value).decode()
        case Enum():
            return str(value.value)
    return str(value)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (".env.example", r"^([A-Z0-9_]+)=(.*)$"),
        ("docs/settings.md", r"^\| `([A-Z0-9_]+)` \| (?:`(.*?)` )?\|"),
    ],
)
def test_every_setting_is_documented_with_its_default(path: str, line: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    documented = dict(re.findall(line, text, re.MULTILINE))
    for field in fields(Settings):
        name = field.name.upper()
        assert name in documented, f"add {name} to {path}"
        shown = documented[name]
        if field.default is not MISSING:
            assert shown == written(field.default), f"{path}: {name} has another default"
