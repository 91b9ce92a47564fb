"""Convert structs to documents of Firestore, and back."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from ..resources import found
from ..values import dec_hook
from .client import Snapshot

T = TypeVar("T")


def to_document(thing: msgspec.Struct) -> dict[str, Any]:
    """Return the fields of a struct as Firestore stores them; omit UNSET fields.

    Times and bytes are unchanged. Structs become maps. UUID, Decimal (chassis.Money) and date
    become strings.
    """
    document: dict[str, Any] = msgspec.to_builtins(
        thing, builtin_types=(bytes, datetime), str_keys=True
    )
    return document


def from_document(snapshot: Snapshot, kind: type[T], **more: Any) -> T:
    """Convert a document and `more` fields to a struct; raise NotFound (404) if it does not exist.

    Another version of the API may have written the document. Fields that the struct lacks are
    ignored. Fields that the document lacks get their defaults.
    """
    fields = plain(found(snapshot.to_dict())) | more
    try:
        return msgspec.convert(fields, kind, str_keys=True, dec_hook=dec_hook)
    except msgspec.ValidationError as error:
        error.add_note(f"The document is {snapshot.reference.path}.")  # the last line of the stack
        raise


def plain(value: Any) -> Any:
    """Replace Firestore's times with datetimes, because msgspec refuses Firestore's subclass."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return datetime.combine(value.date(), value.time(), UTC)
    return value
