import pytest
from flask.testing import FlaskClient

URL = "/api/v1/greetings"


def test_a_name_is_greeted(client: FlaskClient) -> None:
    response = client.post(URL, json={"name": "Ada"})
    assert response.status_code == 201
    assert response.json == {"message": "Hello, Ada!"}


@pytest.mark.parametrize("name", ["", "x" * 101])
def test_a_bad_name_is_refused_with_its_pointer(client: FlaskClient, name: str) -> None:
    response = client.post(URL, json={"name": name})
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == "/name"
