"""A body that changes a part of a resource: https://www.rfc-editor.org/rfc/rfc7396."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET, Struct, StructMeta, structs

from .checks import members, refuse
from .errors import Fault, Invalid
from .requests import fault_of, pointer_to

T = TypeVar("T", bound=Struct)


class Patch(Struct, forbid_unknown_fields=True):
    """The base of a JSON Merge Patch. Write each field as `name: str | UnsetType = UNSET`.

    A field that the caller leaves out is UNSET. A field may be null only if None is in its type.
    An object in a patch is another Patch, or a dict, in which null removes a key.
    """

    def changes(self) -> dict[str, Any]:
        """Return the values that the caller sent, by field."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not UNSET}

    def apply(self, current: T) -> T:
        """Return a copy of a struct with the changes; raise Invalid (422) if it is not valid."""
        changes = self.changes()
        for field in structs.fields(current):
            if field.name in changes:
                value = merge(changes[field.name], getattr(current, field.name))
                try:
                    changes[field.name] = msgspec.convert(value, field.type)
                except msgspec.ValidationError as error:
                    detail, place = fault_of(error)
                    pointer = pointer_to([field.encode_name, *place])
                    raise Invalid(Fault(detail, pointer=pointer)) from error
        try:
            return structs.replace(current, **changes)
        except ValueError as error:  # of the struct's __post_init__
            raise Invalid(Fault(str(error), pointer="")) from error


def merge(change: Any, current: Any) -> Any:
    """Merge a change into a value: https://www.rfc-editor.org/rfc/rfc7396#section-2."""
    if isinstance(change, Patch):
        whole = isinstance(current, Struct)
        return change.apply(current) if whole else msgspec.to_builtins(change)
    if not isinstance(change, dict):
        return change
    merged = dict(current) if isinstance(current, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(value, merged.get(name))
    return merged


def media_type_of(function: Callable[..., Any], kind: Any) -> str:
    """Return the media type of a body; raise TypeError for a Patch that is not a merge patch."""
    if not (isinstance(kind, type) and issubclass(kind, Patch)):
        return "application/json"
    for field in structs.fields(kind):
        if field.default is not UNSET:
            fix = f"write `{field.name}: T | UnsetType = UNSET`"
            raise refuse(function, f"`{field.name}` may be left out of a patch: {fix}")
        for each in members(field.type):
            if isinstance(each, StructMeta) and not issubclass(each, Patch):
                fix = f"make {each.__name__} a chassis.Patch"
                raise refuse(function, f"the object `{field.name}` is patched, too: {fix}")
    return "application/merge-patch+json"
