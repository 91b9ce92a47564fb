"""Create an application with `open_app`, and complete it with `close_app` after your own code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask

from . import authentication, bodies, cors, docs, errors, logs, middleware, probes, routes
from .mistakes import plain
from .openapi import document
from .settings import ServerSettings


@dataclass(frozen=True, kw_only=True)
class Settings(
    cors.CorsSettings,
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
    return app
