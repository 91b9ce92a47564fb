import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from api.items import views

URL = "/api/v1/items"


def create(client: FlaskClient, name: str = "Ada", **fields: str) -> Any:
    response = client.post(URL, json={"name": name, **fields})
    assert response.status_code == 201
    return response.json


def pages(
    client: FlaskClient, per_page: int, cursor: str | None = None, **query: str
) -> list[list[str]]:
    """Return the names on each page, from the cursor on."""
    given = query | {"per_page": str(per_page)} | ({"cursor": cursor} if cursor else {})
    page = client.get(URL, query_string=given).get_json()
    rest = pages(client, per_page, page["next_cursor"], **query) if page["next_cursor"] else []
    return [[item["name"] for item in page["items"]], *rest]


def patch(client: FlaskClient, path: str, change: Any, **headers: str) -> TestResponse:
    media_type = "application/merge-patch+json"
    return client.patch(path, data=json.dumps(change), content_type=media_type, headers=headers)


def test_an_item_is_created_at_its_location(client: FlaskClient) -> None:
    response = client.post(URL, json={"name": "Ada", "description": "First."})
    assert response.status_code == 201
    assert response.json
    assert response.location == f"{URL}/{response.json['id']}"
    assert (response.json["name"], response.json["description"]) == ("Ada", "First.")
    got = client.get(response.location)
    assert (got.json, got.headers["ETag"]) == (response.json, response.headers["ETag"])


def test_times_are_in_utc(client: FlaskClient) -> None:
    before = datetime.now(UTC)
    item = create(client)
    assert item["created_at"] == item["updated_at"]
    assert item["created_at"].endswith("Z")
    assert before <= datetime.fromisoformat(item["created_at"]) <= datetime.now(UTC)


def test_a_text_is_stored_unchanged(client: FlaskClient) -> None:
    text = "  \"'\\ \n\t\x01 $ % é e\u0301 \u202e 日本 👩‍🚀 \uffff "
    item = create(client, text, description=text)
    assert item["name"] == item["description"] == text
    assert client.get(f"{URL}/{item['id']}").json == item


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": "A\0da"}, "/name"),
        ({"name": "Ada", "description": "x" * 1001}, "/description"),
        ({"name": "Ada", "description": "\0"}, "/description"),
    ],
)
def test_a_bad_item_is_refused_with_its_pointer(
    client: FlaskClient, fields: dict[str, str], pointer: str
) -> None:
    path = f"{URL}/{create(client)['id']}"
    for response in (client.post(URL, json=fields), client.put(path, json=fields)):
        assert response.status_code == 422
        assert response.get_json(force=True)["errors"][0]["pointer"] == pointer


def test_the_longest_texts_fit(client: FlaskClient) -> None:
    item = create(client, "👩" * 100, description="👩" * 1000)
    assert client.get(f"{URL}/{item['id']}").json == item


@pytest.mark.parametrize("item_id", [str(uuid4()), "x"])
def test_an_unknown_or_invalid_id_is_404(client: FlaskClient, item_id: str) -> None:
    path = f"{URL}/{item_id}"
    for response in (
        client.get(path),
        client.put(path, json={"name": "Ada"}, headers={"If-Match": "*"}),
        patch(client, path, {"name": "Ada"}),
        client.delete(path),
    ):
        assert response.status_code == 404
        assert response.content_type == "application/problem+json"


def test_an_item_is_replaced(client: FlaskClient) -> None:
    old = create(client, description="First.")
    response = client.put(f"{URL}/{old['id']}", json={"name": "Bob"})
    assert response.status_code == 200
    new = response.get_json()
    assert new == old | {"name": "Bob", "description": "", "updated_at": new["updated_at"]}
    assert new["updated_at"] > old["updated_at"]
    got = client.get(f"{URL}/{old['id']}")
    assert (got.json, got.headers["ETag"]) == (new, response.headers["ETag"])


def test_an_item_is_changed_in_part(client: FlaskClient) -> None:
    old = create(client, description="First.")
    path = f"{URL}/{old['id']}"
    response = patch(client, path, {"name": "Bob"})
    assert response.status_code == 200
    new = response.get_json()
    assert new == old | {"name": "Bob", "updated_at": new["updated_at"]}
    assert new["updated_at"] > old["updated_at"]
    got = client.get(path)
    assert (got.json, got.headers["ETag"]) == (new, response.headers["ETag"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"name": None}, "/name"), ({"description": "\0"}, "/description"), ({"id": "x"}, "/id")],
)
def test_a_bad_change_is_refused_with_its_pointer(
    client: FlaskClient, change: dict[str, Any], pointer: str
) -> None:
    response = patch(client, f"{URL}/{create(client)['id']}", change)
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["pointer"] == pointer


def test_an_item_that_the_client_has_is_not_sent_again(client: FlaskClient) -> None:
    path = f"{URL}/{create(client)['id']}"
    tag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    patch(client, path, {"name": "Bob"})
    assert client.get(path, headers={"If-None-Match": tag}).get_json()["name"] == "Bob"


def test_an_item_is_deleted(client: FlaskClient) -> None:
    path = f"{URL}/{create(client)['id']}"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.delete(path).status_code == 404


@pytest.mark.parametrize("method", ["put", "delete"])
def test_an_item_that_changed_since_it_was_read_is_not_written(
    client: FlaskClient, method: str
) -> None:
    path = f"{URL}/{create(client)['id']}"
    old = client.get(path).headers["ETag"]
    changed = client.put(path, json={"name": "Bob"}).get_json()
    for stale in (old, f"W/{old}", f'"x", {old}', "", "x"):
        body = {"name": "Eve"} if method == "put" else None
        response = client.open(path, method=method, json=body, headers={"If-Match": stale})
        assert response.status_code == 412
        assert response.content_type == "application/problem+json"
    assert patch(client, path, {"name": "Eve"}, **{"If-Match": old}).status_code == 412
    assert client.get(path).json == changed


@pytest.mark.parametrize("match", ["{}", "W/{}", '"x", {}', "*"])
def test_an_item_that_did_not_change_is_written(client: FlaskClient, match: str) -> None:
    path = f"{URL}/{create(client)['id']}"
    for method, body in (("put", {"name": "Bob"}), ("delete", None)):
        tag = match.format(client.get(path).headers["ETag"])
        response = client.open(path, method=method, json=body, headers={"If-Match": tag})
        assert response.status_code in (200, 204)


def test_exactly_one_writer_with_the_same_tag_wins(app: Flask, client: FlaskClient) -> None:
    path = f"{URL}/{create(client)['id']}"
    headers = {"If-Match": client.get(path).headers["ETag"]}

    def write(number: int) -> int:
        body = {"name": f"Writer {number}"}
        return app.test_client().put(path, json=body, headers=headers).status_code

    with ThreadPoolExecutor(20) as writers:
        list(writers.map(lambda _: app.test_client().get(path), range(40)))  # each thread connects
        statuses = list(writers.map(write, range(20)))
    assert sorted(statuses) == [200] + 19 * [412]
    assert client.get(path).get_json()["name"] == f"Writer {statuses.index(200)}"


def test_writers_without_a_tag_all_succeed(app: Flask, client: FlaskClient) -> None:
    path = f"{URL}/{create(client)['id']}"

    def write(number: int) -> int:
        return app.test_client().put(path, json={"name": f"Writer {number}"}).status_code

    with ThreadPoolExecutor(5) as writers:
        assert list(writers.map(write, range(5))) == [200] * 5


def test_a_list_has_the_newest_first(client: FlaskClient) -> None:
    items = [create(client, name) for name in "abc"]
    assert client.get(URL).json == {"items": items[::-1], "next_cursor": None}


def test_a_list_is_split_into_pages(client: FlaskClient) -> None:
    for name in "abcde":
        create(client, name)
    assert pages(client, 2) == [["e", "d"], ["c", "b"], ["a"]]
    assert pages(client, 5) == [["e", "d", "c", "b", "a"]]


def test_a_page_has_twenty_items_by_default(client: FlaskClient) -> None:
    for number in range(21):
        create(client, str(number))
    assert [len(page) for page in pages(client, 100)] == [21]
    assert len(client.get(URL).get_json()["items"]) == 20


def test_items_of_the_same_moment_are_each_listed_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime.now(UTC)
    monkeypatch.setattr(views, "now", lambda: moment)
    for name in "abcde":
        create(client, name)
    assert sorted(sum(pages(client, 2), [])) == list("abcde")


def test_a_list_repeats_and_misses_nothing_while_items_change(client: FlaskClient) -> None:
    items = [create(client, name) for name in "abcdef"]
    first = client.get(URL, query_string={"per_page": 2}).get_json()
    assert [item["name"] for item in first["items"]] == ["f", "e"]
    create(client, "new")
    for seen in first["items"]:  # the cursor points to the last one
        client.delete(f"{URL}/{seen['id']}")
    client.put(f"{URL}/{items[2]['id']}", json={"name": "C"})
    assert pages(client, 2, first["next_cursor"]) == [["d", "C"], ["b", "a"]]


@pytest.mark.parametrize("per_page", ["0", "101"])
def test_a_page_has_1_to_100_items(client: FlaskClient, per_page: str) -> None:
    response = client.get(f"{URL}?per_page={per_page}")
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["parameter"] == "per_page"


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "\0", "é" * 32, "A" * 31, "A" * 33, "_" * 32, "A" * 31 + "=", "A" * 31 + "\n"],
)
def test_an_invalid_cursor_is_refused(client: FlaskClient, cursor: str) -> None:
    response = client.get(URL, query_string={"cursor": cursor})
    assert response.status_code == 422
    assert response.get_json(force=True)["errors"][0]["parameter"] == "cursor"


def test_a_list_has_the_oldest_first_on_request(client: FlaskClient) -> None:
    for name in "abcde":
        create(client, name)
    assert pages(client, 2, sort="created_at") == [["a", "b"], ["c", "d"], ["e"]]
