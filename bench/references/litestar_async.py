"""Serve with Litestar, coroutines and msgspec, as its documentation shows."""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Litestar, get, post
from litestar.exceptions import NotFoundException
from rows import ItemRow
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

url = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+asyncpg:")
engine = create_async_engine(url, pool_size=8)


class Item(msgspec.Struct):
    id: UUID
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


class GreetingIn(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Greeting(msgspec.Struct):
    message: str


async def provide_session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as session:
        yield session


@get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@post("/api/v1/greetings")
async def greet(data: GreetingIn) -> Greeting:
    return Greeting(f"Hello, {data.name}!")


@get("/api/v1/items/{item_id:uuid}")
async def item(item_id: UUID, session: AsyncSession) -> Item:
    row = await session.get(ItemRow, item_id)
    if row is None:
        raise NotFoundException
    return msgspec.convert(row, Item, from_attributes=True)


app = Litestar([health, greet, item], dependencies={"session": provide_session})
