"""msgspec with what the template renders; its document is at /openapi.json."""

from typing import Annotated

from chassis import Input, errors, operation
from chassis.docs import openapi
from flask import Flask
from msgspec import Meta, Struct

app = Flask(__name__)
app.extensions["info"] = {"title": "Greetings", "version": "1"}
errors.register(app)
app.register_blueprint(openapi)


class Health(Struct):
    status: str


class GreetingIn(Input):
    name: Annotated[str, Meta(min_length=1, max_length=100)]


class Greeting(Struct):
    message: str


class Query(Input):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


class Greetings(Struct):
    limit: int


@app.get("/health")
@operation()
def get_health() -> Health:
    return Health("ok")


@app.post("/greetings")
@operation(status=201)
def create_greeting(body: GreetingIn) -> Greeting:
    return Greeting(f"Hello, {body.name}!")


@app.get("/greetings")
@operation()
def list_greetings(query: Query) -> Greetings:
    return Greetings(query.limit)
