"""spectree with pydantic; its document is at /apidoc/openapi.json."""

from flask import Flask
from pydantic import BaseModel, Field
from spectree import Response, SpecTree

app = Flask(__name__)
spec = SpecTree("flask")


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


@app.get("/health")
@spec.validate(resp=Response(HTTP_200=Health))
def get_health() -> Health:
    return Health(status="ok")


@app.post("/greetings")
@spec.validate(resp=Response(HTTP_201=Greeting))
def create_greeting(json: GreetingIn) -> tuple[Greeting, int]:
    return Greeting(message=f"Hello, {json.name}!"), 201


@app.get("/greetings")
@spec.validate(resp=Response(HTTP_200=Greetings))
def list_greetings(query: Query) -> Greetings:
    return Greetings(limit=query.limit)


spec.register(app)
