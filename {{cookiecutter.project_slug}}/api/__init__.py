"""The API."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from .errors import register_errors
from .greetings import greetings
from .health import health
from .index import index
from .middleware import with_headers
from .openapi import docs, openapi
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

    app.register_blueprint(index)
    app.register_blueprint(health)
    app.register_blueprint(greetings, url_prefix="/api/v1")

    app.register_blueprint(openapi)
    if settings.docs == "on":
        app.register_blueprint(docs)

    app.wsgi_app = with_headers(app.wsgi_app)  # type: ignore[assignment, method-assign]
    if proxies := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
