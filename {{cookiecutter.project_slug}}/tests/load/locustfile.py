"""Define the load of `make load-test`. Each user waits for a response before the next request."""

# % if cookiecutter.auth == "jwt"
from os import environ

# % endif
from locust import FastHttpUser, task


class Caller(FastHttpUser):
    # % if cookiecutter.auth == "jwt"
    default_headers = {"Authorization": f"Bearer {environ['TOKEN']}"}

    # % endif
    # % if cookiecutter.datastore == "none"
    @task
    def create_greeting(self) -> None:
        self.client.post("/api/v1/greetings", json={"name": "Ada"})

    # % else
    @task
    def create_and_get_item(self) -> None:
        created = self.client.post("/api/v1/items", json={"name": "Ada"})
        if created.status_code == 201:
            self.client.get(created.headers["Location"], name="/api/v1/items/ID")

    @task
    def list_items(self) -> None:
        self.client.get("/api/v1/items")

    # % endif
    # % if cookiecutter.model == "onnx"
    @task
    def create_predictions(self) -> None:
        customer = {"age": 41, "months": 16, "visits": None, "plan": "plus"}
        self.client.post("/api/v1/predictions", json={"instances": [customer] * 10})

    # % endif
    @task
    def get_health(self) -> None:
        self.client.get("/health")
