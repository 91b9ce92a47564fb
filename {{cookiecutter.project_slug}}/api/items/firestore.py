"""Items in Firestore: a document each, in the collection `items`."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from google.cloud.firestore import DocumentReference, Query, WriteOption
from msgspec import structs

from chassis.firestore import Snapshot, datastore
from chassis.resources import Position, found, now

from .models import Item


def document(item_id: UUID) -> DocumentReference:
    return datastore().client.document(f"items/{item_id}")


def to_item(snapshot: Snapshot) -> Item:
    fields = found(snapshot.to_dict())
    for name in fields:
        if isinstance(time := fields[name], datetime):  # a subclass that msgspec refuses
            fields[name] = datetime.combine(time.date(), time.time(), UTC)
    return Item(id=UUID(snapshot.id), **fields)


def create_item(item: Item) -> None:
    fields = structs.asdict(item)
    datastore().call_again(document(fields.pop("id")).set, fields)


def get_item(item_id: UUID) -> Item:
    return to_item(datastore().call_again(document(item_id).get))


def list_items(after: Position | None, limit: int) -> list[Item]:
    query = datastore().client.collection("items").limit(limit)
    for field in ("created_at", "__name__"):
        query = query.order_by(field, Query.DESCENDING)
    if after:
        query = query.start_after({"created_at": after.created_at, "__name__": document(after.id)})
    return [to_item(snapshot) for snapshot in datastore().call_again(query.get)]


def change_item(item_id: UUID, changes: dict[str, Any], check: Callable[[Item], None]) -> Item:
    def write(snapshot: Snapshot, option: WriteOption) -> Item:
        check(to_item(snapshot))
        written = changes | {"updated_at": now()}
        datastore().call(snapshot.reference.update, written, option)
        return structs.replace(to_item(snapshot), **written)

    return datastore().change(document(item_id), write)


def delete_item(item_id: UUID, check: Callable[[Item], None]) -> None:
    def write(snapshot: Snapshot, option: WriteOption) -> None:
        check(to_item(snapshot))
        datastore().call(snapshot.reference.delete, option)

    datastore().change(document(item_id), write)
