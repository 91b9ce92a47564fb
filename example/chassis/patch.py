"""Update part of a resource with a JSON Merge Patch: https://www.rfc-editor.org/rfc/rfc7396."""

from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct, StructMeta, structs

from .checks import bare, members
from .errors import Fault, Invalid
from .faults import fault_of, pointer_to
from .mistakes import refuse
from .values import dec_hook

T = TypeVar("T", bound=Struct)


class Patch(Struct, forbid_unknown_fields=True):
    """Base class for a JSON Merge Patch. Write each field as `name: str | UnsetType = UNSET`.

    A field that the caller omits is UNSET. A field may be null only if its type includes None.
    An object in a patch is another Patch, or a dict. In a dict, null removes a key.
    """

    def changes(self) -> dict[str, Any]:
        """Return the values that the caller sent, by field."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not UNSET}

    def apply(self, current: T) -> T:
        """Return a copy of a struct with the changes; raise Invalid (422) if they are invalid."""
        changes = self.changes()
        for field in structs.fields(current):
            if field.name in changes:
                value = merge_at(
                    field.encode_name, changes[field.name], getattr(current, field.name)
                )
                try:
                    changes[field.name] = msgspec.convert(value, field.type, dec_hook=dec_hook)
                except msgspec.ValidationError as error:
                    detail, place = fault_of(error, field.type)
                    pointer = pointer_to([field.encode_name, *place])
                    raise Invalid(Fault(detail, pointer=pointer)) from error
        try:
            return structs.replace(current, **changes)
        except ValueError as error:  # raised by the struct's __post_init__
            raise Invalid(Fault(str(error), pointer="")) from error


def merge(change: Any, current: Any) -> Any:
    """Merge a change into a value: https://www.rfc-editor.org/rfc/rfc7396#section-2."""
    if isinstance(change, Patch):
        if isinstance(current, Struct):
            return change.apply(current)
        names = {field.name: field.encode_name for field in structs.fields(change)}
        change = {names[name]: value for name, value in change.changes().items()}
        if not isinstance(current, dict):  # a new object: its type may allow null
            return {name: merge_at(name, value, None) for name, value in change.items()}
    if not isinstance(change, dict):
        return change
    if not isinstance(current, dict):
        current = msgspec.to_builtins(current)
    merged = dict(current) if isinstance(current, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_at(name, value, merged.get(name))
    return merged


def merge_at(name: Any, change: Any, current: Any) -> Any:
    """Merge a change into a member of an object; add the member's name to a fault's pointer."""
    try:
        return merge(change, current)
    except Invalid as error:
        fault = error.errors[0]
        pointer = pointer_to([str(name)]) + str(fault.pointer)
        raise Invalid(Fault(fault.detail, pointer=pointer)) from error


def media_type_of(function: Callable[..., Any], kind: Any) -> str:
    """Return the media type of a body; raise TypeError for a Patch that is not a merge patch."""
    kinds = list(objects(kind))
    if not any(map(is_patch, kinds)):
        return "application/json"
    if kinds[1:] or not is_patch(bare(kind)):
        raise refuse(function, "a Patch is a whole body: write `body: P`, where P is the Patch")
    check_patch(function, kinds[0], [])
    return "application/merge-patch+json"


def check_patch(function: Callable[..., Any], kind: Any, seen: list[Any]) -> None:
    """Raise TypeError for a Patch, or one inside it, that is not a merge patch."""
    for field in structs.fields(kind):
        if hasattr(Patch, field.name):
            fix = (
                f'write `{field.name}_: T | UnsetType = field(default=UNSET, name="{field.name}")`'
            )
            raise refuse(function, f"`{field.name}` is a method of a Patch: {fix}")
        if field.default is not UNSET:
            fix = f"write `{field.name}: T | UnsetType = UNSET`"
            raise refuse(function, f"`{field.name}` must be optional in a patch: {fix}")
        for each in objects(field.type):
            if is_patch(each):
                if each not in [*seen, kind]:
                    check_patch(function, each, [*seen, kind])
            elif isinstance(each, StructMeta) or is_dataclass(each):
                fix = f"make {getattr(each, '__name__', each)} a chassis.Patch"
                raise refuse(function, f"the object `{field.name}` is patched, too: {fix}")


def is_patch(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Patch)


def objects(hint: Any) -> Iterator[Any]:
    """Yield a field's types: its own type, the types in a union, the types of a dict's values."""
    for kind in map(bare, members(hint)):
        origin = get_origin(kind) or kind
        if origin is dict:
            yield from (each for value in get_args(kind)[1:] for each in objects(value))
        yield origin
