"""`make docs`: writes docs/swagger.yaml, the OpenAPI document of the code."""

from pathlib import Path
from typing import Any

import yaml

from wsgi import app


class Dumper(yaml.SafeDumper):
    """Writes the title and the description in double quotes, and repeats what occurs twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def main() -> None:
    exported = app.extensions["document"]
    texts = exported["info"].values()

    def represent(dumper: Dumper, text: str) -> yaml.Node:
        style = '"' if text in texts else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)

    Dumper.add_representer(str, represent)
    text = yaml.dump(exported, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    Path(__file__).with_name("swagger.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
