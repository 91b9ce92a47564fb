"""/items: create, get, list, replace, change, delete."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
from uuid import UUID, uuid4

from flask import Blueprint, url_for
from msgspec import structs

from chassis import operation
from chassis.resources import Condition, now, tag_of

# % if cookiecutter.datastore == "firestore"
from . import firestore as store
# % else
from . import sql as store
# % endif
from .models import Item, ItemIn, ItemPage, ItemPatch, Items

items = Blueprint("items", __name__)


def url_of(item: Item) -> str:
    return url_for(".get_item", item_id=item.id)


@items.post("/items")
@operation(status=201, headers={"Location": url_of, "ETag": tag_of}, errors=[503])
def create_item(body: ItemIn) -> Item:
    """Create an item."""
    time = now()
    item = Item(id=uuid4(), **structs.asdict(body), created_at=time, updated_at=time)
    store.create_item(item)
    return item


@items.get("/items")
@operation(errors=[503])
def list_items(query: ItemPage) -> Items:
    """List items."""
    return Items(*query.cut(store.list_items(query)))


@items.get("/items/<item_id>")
@operation(headers={"ETag": tag_of}, errors=[503])
def get_item(item_id: UUID) -> Item:
    """Get an item."""
    return store.get_item(item_id)


@items.put("/items/<item_id>")
@operation(headers={"ETag": tag_of}, errors=[503])
def replace_item(item_id: UUID, body: ItemIn, headers: Condition) -> Item:
    """Replace an item's name and description."""
    return store.change_item(item_id, structs.asdict(body), headers.check)


@items.patch("/items/<item_id>")
@operation(headers={"ETag": tag_of}, errors=[503])
def change_item(item_id: UUID, body: ItemPatch, headers: Condition) -> Item:
    """Change an item's name, its description, or both."""
    return store.change_item(item_id, body.changes(), headers.check)


@items.delete("/items/<item_id>")
@operation(errors=[503])
def delete_item(item_id: UUID, headers: Condition) -> None:
    """Delete an item."""
    store.delete_item(item_id, headers.check)
