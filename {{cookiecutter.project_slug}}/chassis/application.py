"""Create an application with `open_app`, and complete it with `close_app` after your own code."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask

# % if cookiecutter.auth == "jwt"
from . import auth, authentication, bodies, cors, docs, errors, logs, middleware, probes, routes
# % else
from . import authentication, bodies, cors, docs, errors, logs, middleware, probes, routes
# % endif
# % if cookiecutter.deploy == "cloud-run"
from . import cloud_run as platform
# % endif
# % if cookiecutter.datastore == "sql"
from . import database as datastore
# % elif cookiecutter.datastore == "firestore"
from . import firestore as datastore
# % endif
# % if cookiecutter.telemetry == "prometheus"
from .metrics import MetricsSettings
# % endif
from .mistakes import plain
# % if cookiecutter.model == "onnx"
from .model import ModelSettings
# % endif
from .openapi import document
# % if cookiecutter.telemetry == "otlp"
from .settings import ServerSettings
from .telemetry import TelemetrySettings, record_requests


# % else
from .settings import ServerSettings


# % endif
@dataclass(frozen=True, kw_only=True)
class Settings(
    # % if cookiecutter.deploy == "cloud-run"
    platform.PlatformSettings,
    # % endif
    # % if cookiecutter.datastore != "none"
    datastore.DatastoreSettings,
    # % endif
    cors.CorsSettings,
    # % if cookiecutter.auth == "jwt"
    auth.AuthSettings,
    # % endif
    # % if cookiecutter.model == "onnx"
    ModelSettings,
    # % endif
    # % if cookiecutter.telemetry == "prometheus"
    MetricsSettings,
    # % endif
    # % if cookiecutter.telemetry == "otlp"
    TelemetrySettings,
    # % endif
    ServerSettings,
):
    """The settings of the server and of each capability."""


def open_app(
    import_name: str,
    settings: Settings,
    *,
    title: str,
    version: str,
    description: str = "",
    openapi: Mapping[str, Any] | None = None,
) -> Flask:
    """Create an application with settings, logging, error handling and the project's capabilities.

    `title`, `version` and `description` are shown in the OpenAPI document; `openapi` is merged into
    it as a JSON Merge Patch. Needs no network.
    """
    logs.configure(settings.log_level)
    app = Flask(import_name, static_folder=None)
    app.logger.setLevel(settings.log_level.upper())  # otherwise debug mode would set it
    app.url_map.merge_slashes = False  # a doubled slash is a 404, not a redirect in HTML
    app.extensions["settings"] = settings
    info = {"title": title, "description": description, "version": version}
    app.extensions["openapi"] = [{"info": info}, plain(open_app, "openapi", openapi or {})]
    # Capabilities append WSGI middleware to `wrappers`. They append pairs to `headers`: a header's
    # name, and a function. If a response lacks this header, the function's headers are added.
    app.extensions |= {"wrappers": [], "headers": []}
    cors.register(app)
    bodies.register(app)
    errors.register(app)
    authentication.register(app)
    # % if cookiecutter.auth == "jwt"
    auth.register(app)
    # % endif
    # % if cookiecutter.deploy == "cloud-run"
    platform.register(app)
    # % endif
    # % if cookiecutter.datastore != "none"
    datastore.register(app)
    # % endif
    return app


def close_app(app: Flask) -> Flask:
    """Complete an application: add probes, the OpenAPI document and middleware; check every route.

    Add nothing after this call. Middleware that you add before this call finds the request id and
    the client's address in the WSGI environment. Raises TypeError if a route does not match its
    view, or if OpenAPI cannot describe it; the message has the correction.
    """
    probes.register(app)
    docs.register(app)
    authentication.close(app)
    routes.check_routes(app)
    app.extensions["document"] = document(app)
    middleware.register(app)
    # % if cookiecutter.telemetry == "otlp"
    record_requests(app)
    # % endif
    return app
