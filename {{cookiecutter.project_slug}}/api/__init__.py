"""The API."""

# % if false
# ruff: noqa: I001
# fmt: off
# % endif
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

# % if cookiecutter.deploy == "cloud-run"
from .cloud_logging import with_trace
# % endif
# % if cookiecutter.datastore == "sql"
from .database import init_database
# % endif
from .errors import register_errors
# % if cookiecutter.datastore == "firestore"
from .firestore import init_firestore
# % endif
# % if cookiecutter.datastore == "none"
from .greetings import greetings
# % endif
from .health import health
from .index import index
# % if cookiecutter.datastore != "none"
from .items import items
# % endif
from .middleware import with_headers
from .openapi import docs, openapi
# % if cookiecutter.datastore != "none"
from .ready import ready
# % endif
from .settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Make the application: the one place where its parts meet.

    Takes the settings; without any, those of the environment. Two applications share nothing, and
    making one needs no network.
    """
    settings = settings or Settings.from_environment()

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.url_map.merge_slashes = False  # what has a slash too many is a 404, not a redirect in HTML
    register_errors(app)
    # % if cookiecutter.datastore == "sql"
    init_database(app, settings)
    # % elif cookiecutter.datastore == "firestore"
    init_firestore(app, settings)
    # % endif

    app.register_blueprint(index)
    app.register_blueprint(health)
    # % if cookiecutter.datastore == "none"
    app.register_blueprint(greetings, url_prefix="/api/v1")
    # % else
    app.register_blueprint(ready)
    app.register_blueprint(items, url_prefix="/api/v1")
    # % endif

    app.register_blueprint(openapi)
    if settings.docs == "on":
        app.register_blueprint(docs)

    # % if cookiecutter.deploy == "cloud-run"
    app.wsgi_app = with_trace(app.wsgi_app, settings.google_cloud_project)  # type: ignore[assignment, method-assign]
    # % endif
    app.wsgi_app = with_headers(app.wsgi_app)  # type: ignore[assignment, method-assign]
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
