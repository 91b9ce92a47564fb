"""Write example/, the default project, to be read without rendering one: `make listings`."""

import shutil
import tempfile
from pathlib import Path

from tools.render import render
from tools.variants import TEMPLATE

EXAMPLE = TEMPLATE / "example"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = render({}, Path(folder))
        shutil.rmtree(EXAMPLE, ignore_errors=True)
        shutil.copytree(project, EXAMPLE)


if __name__ == "__main__":
    main()
