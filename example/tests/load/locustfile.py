"""Define the load of `make load-test`. Each user waits for a response before the next request."""

from locust import FastHttpUser, task


class Caller(FastHttpUser):
    @task
    def create_greeting(self) -> None:
        self.client.post("/api/v1/greetings", json={"name": "Ada"})

    @task
    def get_health(self) -> None:
        self.client.get("/health")
