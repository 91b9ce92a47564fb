"""Your settings are documented."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from api.settings import Settings
from chassis import Secret

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("path", "line"),
    [(".env.example", r"^([A-Z_]+)=(.*)$"), ("README.md", r"^\| `([A-Z_]+)` \| (?:`(.*?)` )?\|")],
)
def test_every_setting_is_documented_with_its_default(path: str, line: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    documented = dict(re.findall(line, text, re.MULTILINE))
    for field in fields(Settings):
        name, default = field.name.upper(), field.default
        assert name in documented, f"add {name} to {path}"
        if isinstance(default, str | int | float | Secret):
            shown = default.reveal() if isinstance(default, Secret) else str(default)
            assert documented[name] == shown, f"the default of {name} in {path} is another one"
