"""Serve with FastAPI and coroutines, as its documentation shows."""

import os
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from fastapi_def import Greeting, GreetingIn, Item
from rows import ItemRow
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

app = FastAPI()
url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
engine = create_async_engine(url, pool_size=8)


async def session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/v1/greetings", status_code=201)
async def greet(body: GreetingIn) -> Greeting:
    return Greeting(message=f"Hello, {body.name}!")


@app.get("/api/v1/items/{item_id}", response_model=Item)
async def item(item_id: UUID, session: Annotated[AsyncSession, Depends(session)]) -> ItemRow:
    row = await session.get(ItemRow, item_id)
    if row is None:
        raise HTTPException(404)
    return row
