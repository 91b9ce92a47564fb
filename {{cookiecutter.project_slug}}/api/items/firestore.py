"""Store items in Firestore: one document per item, in the collection `items`."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from google.cloud.firestore import DocumentReference, WriteOption
from msgspec import structs

from chassis.firestore import Snapshot, datastore, from_document, paged, to_document
from chassis.resources import now

from .models import Item, ItemPage


def document(item_id: UUID) -> DocumentReference:
    return datastore().client.document(f"items/{item_id}")


def to_item(snapshot: Snapshot) -> Item:
    return from_document(snapshot, Item, id=snapshot.id)


def fields_of(item: Item) -> dict[str, Any]:
    """Return the fields of an item's document, except the id, which is the document's name."""
    fields = to_document(item)
    del fields["id"]
    return fields


def create_item(item: Item) -> None:
    datastore().call_again(document(item.id).set, fields_of(item))


def get_item(item_id: UUID) -> Item:
    return to_item(datastore().call_again(document(item_id).get))


def list_items(page: ItemPage) -> list[Item]:
    query = paged(datastore().client.collection("items"), page)
    return [to_item(snapshot) for snapshot in datastore().call_again(query.get)]


def change_item(item_id: UUID, changes: dict[str, Any], check: Callable[[Item], None]) -> Item:
    def write(snapshot: Snapshot, option: WriteOption) -> Item:
        item = to_item(snapshot)
        check(item)
        changed = structs.replace(item, **changes, updated_at=now())
        datastore().call(snapshot.reference.update, fields_of(changed), option)
        return changed

    return datastore().change(document(item_id), write)


def delete_item(item_id: UUID, check: Callable[[Item], None]) -> None:
    def write(snapshot: Snapshot, option: WriteOption) -> None:
        check(to_item(snapshot))
        datastore().call(snapshot.reference.delete, option)

    datastore().change(document(item_id), write)
