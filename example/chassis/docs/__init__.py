"""Serve the OpenAPI document at /openapi.json, and Swagger UI, the page that shows it, at /docs."""

from importlib.util import find_spec
from pathlib import Path

import msgspec
from flask import Blueprint, Flask, Response, current_app, request, send_from_directory

from ..operations import undocumented
from ..security import public

# Swagger UI draws its icons as data: images.
PAGE_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"

openapi = Blueprint("openapi", __name__)
docs = Blueprint("docs", __name__, url_prefix="/docs")


@openapi.get("/openapi.json")
@public
@undocumented
def get_openapi() -> Response:
    """Return the document, with the path prefix that a proxy adds in front of the application."""
    document = current_app.extensions["document"]
    if request.root_path and document.get("servers") == [{"url": "/"}]:
        document = document | {"servers": [{"url": request.root_path}]}
    return Response(msgspec.json.encode(document), mimetype="application/json")


@docs.get("")
@docs.get("/<any('init.js', 'swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png'):name>")
@public
@undocumented
def get_docs(name: str = "index.html") -> Response:
    """Return the page, or one of its files from this folder or from Swagger UI's package."""
    folder = Path(__file__).parent
    if not (folder / name).exists():
        package = find_spec("flask_swagger_ui")  # not imported: only its files are used
        folder = Path(package.origin).with_name("dist")  # type: ignore[union-attr, arg-type]
    response = send_from_directory(folder, name)
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def register(app: Flask) -> None:
    """Serve the document; serve the page unless DOCS is off."""
    app.register_blueprint(openapi)
    if app.extensions["settings"].docs == "on":
        app.register_blueprint(docs)
