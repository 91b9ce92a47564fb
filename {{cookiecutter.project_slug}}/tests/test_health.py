from flask.testing import FlaskClient


def test_a_process_that_is_up_is_healthy(client: FlaskClient) -> None:
    response = client.get("/health")
    assert response.status_code == 200
    assert response.json == {"status": "ok"}
