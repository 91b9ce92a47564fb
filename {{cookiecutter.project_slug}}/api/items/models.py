"""The JSON that callers send and receive."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from chassis import Input
from chassis.resources import Text, Time


class ItemIn(Input):
    name: Annotated[Text, Meta(min_length=1, max_length=100, examples=["Ada"])]
    description: Annotated[Text, Meta(max_length=1000)] = ""


class Item(msgspec.Struct, kw_only=True):
    id: UUID
    name: str
    description: str
    created_at: Time
    updated_at: Time


class Items(msgspec.Struct):
    items: list[Item]
    next_cursor: str | None
