"""Your application. Where your code goes:

- a resource: a module like {{ '`greetings.py`' if cookiecutter.datastore == 'none' else '`items/`' }}, registered in `create_app`
- a setting: a field of `Settings` in `settings.py`
- middleware, a Flask extension, a command (`@app.cli.command`): in `create_app`, between `open_app`
  and `close_app`
- a client of another service: `extensions.py`; an error type: `errors.py`

docs/architecture.md explains each, and docs/tutorial.md adds a resource.
"""

# % if false
# ruff: noqa: I001
# fmt: off
# % endif
from flask import Flask

from chassis import close_app, open_app

# % if cookiecutter.datastore == "none"
from .greetings import greetings
# % else
from .items import items
# % endif
# % if cookiecutter.model == "onnx"
from .predictions import predictions
# % endif
from .settings import Settings

TITLE = "{{ cookiecutter.__name }}"
DESCRIPTION = "{{ cookiecutter.__description }}"
VERSION = "0.1.0"
AUTHOR = "{{ cookiecutter.__author }}"
# Merged into the OpenAPI document.
OPENAPI = {
    "info": {
        "contact": {"name": AUTHOR},
        "license": {
            "name": "{{ cookiecutter.license }}",
            "identifier": "{{ cookiecutter.__license }}",
        },
    }
}


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application. Without `settings`, read them from the environment."""
    settings = settings or Settings.from_environment()
    app = open_app(
        __name__, settings, title=TITLE, description=DESCRIPTION, version=VERSION, openapi=OPENAPI
    )
    # % if cookiecutter.datastore == "none"
    app.register_blueprint(greetings, url_prefix="/api/v1")
    # % else
    app.register_blueprint(items, url_prefix="/api/v1")
    # % endif
    # % if cookiecutter.model == "onnx"
    app.register_blueprint(predictions, url_prefix="/api/v1")
    # % endif
    return close_app(app)
