"""Render a few projects that together have every answer that changes requirements.

python -m tools.render FOLDER
"""

import logging
import sys
from pathlib import Path

from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter

from tools.variants import AXES, NEUTRAL, TEMPLATE, Answers, words


def render(answers: Answers, folder: Path, template: Path = TEMPLATE) -> Path:
    """Render a project inside a new folder; return the project's folder. Exit if a hook fails."""
    logging.disable()  # cookiecutter logs a traceback after the hook's message.
    try:
        project = cookiecutter(
            str(template),
            no_input=True,
            default_config=True,
            extra_context=answers,
            output_dir=str(folder),
        )
    except FailedHookException:
        sys.exit(f"render: a hook failed (see above) for {words(answers) or 'all defaults'}")
    finally:
        logging.disable(logging.NOTSET)
    return Path(project)


def main(folder: Path) -> None:
    render({}, folder / "default")
    for question in AXES.keys() - NEUTRAL:
        for answer in AXES[question][1:]:
            render({question: answer}, folder / f"{question}-{answer}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
