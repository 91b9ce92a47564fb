"""Store items in the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from sqlalchemy import Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from chassis.database import Base, paged, reading, repeatable, writing
from chassis.resources import found, now

from .models import Item, ItemPage


class ItemRow(Base):
    __tablename__ = "items"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(String(1000))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def item(self) -> Item:
        return msgspec.convert(self, Item, from_attributes=True)


def create_item(item: Item) -> None:
    with writing() as session:
        session.add(ItemRow(**structs.asdict(item)))


def get_item(item_id: UUID) -> Item:
    with reading() as session:
        return found(session.get(ItemRow, item_id)).item()


def list_items(page: ItemPage) -> list[Item]:
    with reading() as session:
        return [row.item() for row in session.scalars(paged(select(ItemRow), page))]


@repeatable
def change_item(item_id: UUID, changes: dict[str, Any], check: Callable[[Item], None]) -> Item:
    with writing() as session:
        row = found(session.get(ItemRow, item_id, with_for_update=True))
        check(row.item())
        for field in changes:
            setattr(row, field, changes[field])
        row.updated_at = now()
        return row.item()


@repeatable
def delete_item(item_id: UUID, check: Callable[[Item], None]) -> None:
    with writing() as session:
        row = found(session.get(ItemRow, item_id, with_for_update=True))
        check(row.item())
        session.delete(row)
