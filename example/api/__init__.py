"""Your application. Where your code goes:

- a resource: a module like `greetings.py`, registered in `create_app`
- a setting: a field of `Settings` in `settings.py`
- middleware, a Flask extension, a command (`@app.cli.command`): in `create_app`, between `open_app`
  and `close_app`
- a client of another service: `extensions.py`; an error type: `errors.py`

docs/architecture.md explains each, and docs/tutorial.md adds a resource.
"""

from flask import Flask

from chassis import close_app, open_app

from .greetings import greetings
from .settings import Settings

TITLE = "My Flask API"
DESCRIPTION = "A production Flask API."
VERSION = "0.1.0"
AUTHOR = "Your Name"
# Merged into the OpenAPI document.
OPENAPI = {
    "info": {
        "contact": {"name": AUTHOR},
        "license": {
            "name": "MIT",
            "identifier": "MIT",
        },
    }
}


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application. Without `settings`, read them from the environment."""
    settings = settings or Settings.from_environment()
    app = open_app(
        __name__, settings, title=TITLE, description=DESCRIPTION, version=VERSION, openapi=OPENAPI
    )
    app.register_blueprint(greetings, url_prefix="/api/v1")
    return close_app(app)
