"""`make load-test`: each user sends the next request when the last response arrives."""

from locust import FastHttpUser, task


class Caller(FastHttpUser):
    @task
    def create_greeting(self) -> None:
        self.client.post("/api/v1/greetings", json={"name": "Ada"})

    @task
    def get_health(self) -> None:
        self.client.get("/health")
