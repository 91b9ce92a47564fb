"""Write docs/swagger.yaml, the OpenAPI document of the code. `make docs` runs this module."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from wsgi import app


class Dumper(yaml.SafeDumper):
    """Write the texts of `info` in double quotes, and repeated values in full, without aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for member in value.values():
            yield from texts_of(member)
    elif isinstance(value, str):
        yield value


def main() -> None:
    exported = app.extensions["document"]
    texts = set(texts_of(exported["info"]))

    def represent(dumper: Dumper, text: str) -> yaml.Node:
        style = '"' if text in texts else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, represent)
    text = yaml.dump(exported, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    Path(__file__).with_name("swagger.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
