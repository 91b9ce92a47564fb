"""Define greetings, an example resource to replace."""

from typing import Annotated

import msgspec
from flask import Blueprint
from msgspec import Meta

from chassis import Input, Text, operation

greetings = Blueprint("greetings", __name__)


class GreetingIn(Input):
    name: Annotated[Text, Meta(min_length=1, max_length=100, examples=["Ada"])]


class Greeting(msgspec.Struct):
    message: Annotated[str, Meta(max_length=200)]


@greetings.post("/greetings")
@operation(status=201)
def create_greeting(body: GreetingIn) -> Greeting:
    """Greet a person by name."""
    return Greeting(f"Hello, {body.name}!")
