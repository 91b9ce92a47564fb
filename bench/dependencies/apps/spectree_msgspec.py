"""spectree with msgspec; its document is at /apidoc/openapi.json."""

from typing import Annotated

from flask import Flask
from msgspec import Meta, Struct
from spectree import Response, SpecTree
from spectree.model_adapter import get_msgspec_model_adapter

app = Flask(__name__)
spec = SpecTree("flask", model_adapter=get_msgspec_model_adapter())


class Health(Struct):
    status: str


class GreetingIn(Struct):
    name: Annotated[str, Meta(min_length=1, max_length=100)]


class Greeting(Struct):
    message: str


class Query(Struct):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Greetings(Struct):
    limit: int


@app.get("/health")
@spec.validate(resp=Response(HTTP_200=Health))
def get_health() -> Health:
    return Health("ok")


@app.post("/greetings")
@spec.validate(resp=Response(HTTP_201=Greeting))
def create_greeting(json: GreetingIn) -> tuple[Greeting, int]:
    return Greeting(f"Hello, {json.name}!"), 201


@app.get("/greetings")
@spec.validate(resp=Response(HTTP_200=Greetings))
def list_greetings(query: Query) -> Greetings:
    return Greetings(query.limit)


spec.register(app)
