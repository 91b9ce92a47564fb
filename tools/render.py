"""Render a few projects that together have every answer that changes requirements.

python -m tools.render FOLDER
"""

import sys
from pathlib import Path

from cookiecutter.main import cookiecutter

from tools.variants import AXES, NEUTRAL, TEMPLATE, Answers


def render(answers: Answers, folder: Path, template: Path = TEMPLATE) -> Path:
    """Render a project inside a new folder; return the project's folder."""
    return Path(
        cookiecutter(
            str(template),
            no_input=True,
            default_config=True,
            extra_context=answers,
            output_dir=str(folder),
        )
    )


def main(folder: Path) -> None:
    render({}, folder / "default")
    for question in AXES.keys() - NEUTRAL:
        for answer in AXES[question][1:]:
            render({question: answer}, folder / f"{question}-{answer}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
