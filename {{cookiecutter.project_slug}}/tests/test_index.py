from flask.testing import FlaskClient

from api import create_app
from api.settings import Settings


def test_the_root_greets_and_links_to_the_docs(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.json == {"message": "Hello, World!", "docs": "/docs"}


def test_with_docs_off_nothing_links_to_them() -> None:
    client = create_app(Settings(docs="off")).test_client()
    assert client.get("/").json == {"message": "Hello, World!"}
    assert client.get("/docs").status_code == 404
    assert client.get("/docs/swagger-ui.css").status_code == 404
    assert client.get("/openapi.json").status_code == 200
