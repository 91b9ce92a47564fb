"""Flask alone: nothing is validated, there is no document."""

from typing import Any

from flask import Flask, request

app = Flask(__name__)


@app.get("/health")
def get_health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/greetings")
def create_greeting() -> tuple[dict[str, str], int]:
    body = request.get_json()
    return {"message": f"Hello, {body['name']}!"}, 201


@app.get("/greetings")
def list_greetings() -> dict[str, Any]:
    return {"limit": request.args.get("limit", 20, int)}
