"""Serve with FastAPI and functions, as its documentation shows: they run in a pool of threads."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from rows import ItemRow
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

app = FastAPI()
engine = create_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"), pool_size=8
)


class Item(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


class GreetingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]


class Greeting(BaseModel):
    message: str


def session() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/v1/greetings", status_code=201)
def greet(body: GreetingIn) -> Greeting:
    return Greeting(message=f"Hello, {body.name}!")


@app.get("/api/v1/items/{item_id}", response_model=Item)
def item(item_id: UUID, session: Annotated[Session, Depends(session)]) -> ItemRow:
    row = session.get(ItemRow, item_id)
    if row is None:
        raise HTTPException(404)
    return row
