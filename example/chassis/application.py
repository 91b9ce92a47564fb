"""Open and close an application; your part of `create_app` is between the two."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask

from . import authentication, bodies, cors, docs, errors, logs, middleware, probes, routes
from .checks import plain
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
    """Create an application with its settings, logging, errors and the capabilities of the project.

    `title`, `version` and `description` are those of the OpenAPI document; `openapi` is merged into
    it as a JSON Merge Patch. Needs no network.
    """
    logs.configure(settings.log_level)
    app = Flask(import_name, static_folder=None)
    app.logger.setLevel(settings.log_level.upper())  # else Flask's debug mode sets it
    app.url_map.merge_slashes = False  # a doubled slash is a 404, not a redirect in HTML
    app.extensions["settings"] = settings
    info = {"title": title, "description": description, "version": version}
    app.extensions["openapi"] = [{"info": info}, plain(open_app, "openapi", openapi or {})]
    # Capabilities add WSGI middleware, and headers for responses that lack the named one.
    app.extensions |= {"wrappers": [], "headers": []}
    cors.register(app)
    bodies.register(app)
    errors.register(app)
    authentication.register(app)
    return app


def close_app(app: Flask) -> Flask:
    """Complete an application: add the probes and the document, check every route, wrap it.

    Add nothing after this call. Middleware that was added before it finds the request id and the
    client's address in its environment. Raises TypeError for a route whose view cannot be called,
    with the function's name and the correction.
    """
    probes.register(app)
    docs.register(app)
    authentication.close(app)
    routes.check_routes(app)
    app.extensions["document"] = document(app)
    middleware.register(app)
    return app
