from typing import Any

import pytest
from flask.testing import FlaskClient

URL = "/api/v1/predictions"
CUSTOMER: dict[str, Any] = {"age": 41, "months": 16, "visits": 11.5, "plan": "plus"}


def test_the_golden_example_of_the_card_is_predicted(client: FlaskClient) -> None:
    card = client.get("/api/v1/model").get_json(force=True)
    example = card["golden_example"]
    response = client.post(URL, json={"instances": [example["input"]]})
    probability = example["output"]["probability"]
    body = response.get_json(force=True)
    assert body["model"] == {"name": card["name"], "version": card["version"]}
    assert body["predictions"] == [
        example["output"] | {"probability": pytest.approx(probability, abs=1e-4)}
    ]


def test_100_customers_are_predicted_in_their_order(client: FlaskClient) -> None:
    instances = [CUSTOMER | {"months": months} for months in range(100)]
    together = client.post(URL, json={"instances": instances}).get_json(force=True)
    last = client.post(URL, json={"instances": instances[-1:]}).get_json(force=True)
    assert len(together["predictions"]) == 100
    assert together["predictions"][-1:] == last["predictions"]


def test_unknown_visits_are_allowed(client: FlaskClient) -> None:
    response = client.post(URL, json={"instances": [CUSTOMER | {"visits": None}]})
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("age", 17),
        ("age", 41.5),
        ("months", None),
        ("visits", -1),
        ("plan", "gold"),
        ("name", "Ada"),
    ],
)
def test_a_bad_field_is_refused_with_its_pointer(
    client: FlaskClient, field: str, value: object
) -> None:
    instances = [CUSTOMER] * 3 + [CUSTOMER | {field: value}]
    response = client.post(URL, json={"instances": instances})
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == f"/instances/3/{field}"


@pytest.mark.parametrize("count", [0, 101])
def test_no_customers_or_more_than_100_are_refused(client: FlaskClient, count: int) -> None:
    response = client.post(URL, json={"instances": [CUSTOMER] * count})
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == "/instances"


def test_a_missing_field_is_refused_with_its_pointer(client: FlaskClient) -> None:
    instances = [CUSTOMER, {name: CUSTOMER[name] for name in CUSTOMER if name != "visits"}]
    response = client.post(URL, json={"instances": instances})
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == "/instances/1/visits"


@pytest.mark.parametrize(("number", "status"), [("NaN", 400), ("Infinity", 400), ("1e999", 422)])
def test_an_invalid_number_is_refused(client: FlaskClient, number: str, status: int) -> None:
    body = '{"instances": [{"age": 41, "months": 16, "visits": NUMBER, "plan": "plus"}]}'
    response = client.post(
        URL, data=body.replace("NUMBER", number), content_type="application/json"
    )
    assert response.status_code == status
