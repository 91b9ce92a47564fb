"""`make load-test`: what a caller of the API does, as fast as it is answered."""

from locust import FastHttpUser, task


class Caller(FastHttpUser):
    @task
    def create_greeting(self) -> None:
        self.client.post("/api/v1/greetings", json={"name": "Ada"})

    @task
    def get_health(self) -> None:
        self.client.get("/health")
