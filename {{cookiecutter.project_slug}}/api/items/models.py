"""Define the JSON that callers send and receive."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chassis import Input, Patch, Text, Time
from chassis.resources import Cursor, Page

Name = Annotated[Text, Meta(min_length=1, max_length=100, examples=["Ada"])]
Description = Annotated[Text, Meta(max_length=1000)]


class ItemIn(Input):
    name: Name
    description: Description = ""


class ItemPatch(Patch):
    name: Name | UnsetType = UNSET
    description: Description | UnsetType = UNSET


class Item(msgspec.Struct, kw_only=True):
    id: UUID
    name: Name
    description: Description
    created_at: Time
    updated_at: Time


class ItemPage(Page):
    sort: Literal["-created_at", "created_at"] = "-created_at"


class Items(msgspec.Struct):
    items: Annotated[list[Item], Meta(max_length=100)]
    next_cursor: Cursor | None
