"""APIFlask with pydantic; its document is at /openapi.json."""

from apiflask import APIFlask
from pydantic import BaseModel, Field

app = APIFlask(__name__)


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
@app.output(Health)
def get_health() -> Health:
    return Health(status="ok")


@app.post("/greetings")
@app.input(GreetingIn, location="json")
@app.output(Greeting, status_code=201)
def create_greeting(json_data: GreetingIn) -> Greeting:
    return Greeting(message=f"Hello, {json_data.name}!")


@app.get("/greetings")
@app.input(Query, location="query")
@app.output(Greetings)
def list_greetings(query_data: Query) -> Greetings:
    return Greetings(limit=query_data.limit)
