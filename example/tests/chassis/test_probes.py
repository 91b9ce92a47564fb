import re
import sys

from flask.testing import FlaskClient

from chassis import Settings

from .things import create_app


def test_the_root_greets_and_links_to_the_docs(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.json == {"message": "Hello, World!", "docs": "/docs"}


def test_with_docs_off_nothing_links_to_them() -> None:
    client = create_app(Settings(docs="off")).test_client()
    assert client.get("/").json == {"message": "Hello, World!"}
    assert client.get("/docs").status_code == 404
    assert client.get("/docs/swagger-ui.css").status_code == 404
    assert client.get("/openapi.json").status_code == 200


def test_the_docs_page_needs_only_this_server(client: FlaskClient) -> None:
    page = client.get("/docs", buffered=True)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
    links = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        assert client.get("/" + link, buffered=True).status_code == 200
    assert "flask_swagger_ui" not in sys.modules, "its files are needed, not its code"
