"""Follow the tutorial of rendered projects exactly."""

from uuid import uuid4

import yaml

from tests.conftest import Bake
from tests.support.datastores import PostgreSQL
from tests.support.engine import need_engine, use_this_machine_s_emulator
from tests.support.installed import install
from tests.support.machine import run
from tests.support.marks import parametrize
from tests.support.tutorial import walking
from tools.variants import Answers, product

CONTAINER = "Run the container"
ORDERS = """
from flask.testing import FlaskClient

URL = "/api/v1/orders"


def quantities(client: FlaskClient, query: str) -> list[int]:
    page = client.get(f"{URL}?per_page=2&{query}").get_json()
    rest = page["next_cursor"]
    return [order["quantity"] for order in page["orders"]] + (
        quantities(client, f"{query.partition('&cursor')[0]}&cursor={rest}") if rest else []
    )


def test_orders_are_sorted_and_filtered(client: FlaskClient) -> None:
    for quantity, status in ((3, "paid"), (1, "new"), (5, "paid"), (3, "paid"), (2, "paid")):
        body = {"name": "Ada", "quantity": quantity, "status": status}
        assert client.post(URL, json=body).status_code == 201
    assert quantities(client, "status=paid&sort=-quantity") == [5, 3, 3, 2]
    assert quantities(client, "sort=quantity") == [1, 2, 3, 3, 5]
    assert quantities(client, "status=new") == [1]
    cursor = client.get(f"{URL}?per_page=2&sort=quantity").get_json()["next_cursor"]
    assert client.get(f"{URL}?sort=-quantity&cursor={cursor}").status_code == 422
"""


@parametrize([], product(["datastore", "auth"]))
def test_each_step_of_the_tutorial_does_what_the_page_shows(
    workshop: Bake, answers: Answers, postgresql: PostgreSQL
) -> None:
    slug = f"test-{uuid4().hex[:8]}"
    project = workshop(**answers, project_slug=slug)
    install(project)
    with walking(project, COMPOSE_PROJECT_NAME=slug) as walk:
        walk.go("Start the project", "Call it")
        document = yaml.safe_load((project / "docs/swagger.yaml").read_text(encoding="utf-8"))
        if answers["datastore"] == "none":
            assert "/api/v1/quotes/{country}" in document["paths"]
        else:
            assert document["components"]["schemas"]["Order"]["properties"]["quantity"]
            (project / "tests/test_order_list.py").write_text(ORDERS, encoding="utf-8")
            own = {"TEST_DATABASE_URL": postgresql.url("postgres")}
            run(project / ".venv/bin/pytest", "-q", "tests/test_order_list.py", cwd=project, **own)

        need_engine()
        if answers["datastore"] == "firestore":
            use_this_machine_s_emulator(project)
        try:
            walk.go(CONTAINER, CONTAINER)
        finally:
            compose = ["docker", "compose", "--project-name", slug]
            run(*compose, "down", "--volumes", "--rmi", "local", cwd=project)
            run("docker", "rmi", "--force", slug, cwd=project)
