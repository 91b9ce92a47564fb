"""flask-openapi, which has pydantic; its document is at /openapi/openapi.json."""

from typing import Any

from flask_openapi import Info, OpenAPI
from pydantic import BaseModel, Field

app = OpenAPI(__name__, info=Info(title="Greetings", version="1"))


class Health(BaseModel):
    status: str


class GreetingIn(BaseModel):
    name: str = Field(min_length=1, max_length=100)


class Greeting(BaseModel):
    message: str


class Query(BaseModel):
    limit: int = Field(20, ge=1, le=100)


class Greetings(BaseModel):
    limit: int


@app.get("/health", responses={200: Health})
def get_health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/greetings", responses={201: Greeting})
def create_greeting(body: GreetingIn) -> tuple[dict[str, str], int]:
    return {"message": f"Hello, {body.name}!"}, 201


@app.get("/greetings", responses={200: Greetings})
def list_greetings(query: Query) -> dict[str, Any]:
    return {"limit": query.limit}
