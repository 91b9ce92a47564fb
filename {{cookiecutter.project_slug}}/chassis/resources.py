"""Provide what resources share: pages (`query: Page`), ETags (`headers: Condition`) and 404."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from types import NoneType
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType, structs
from werkzeug.exceptions import NotFound, PreconditionFailed
from werkzeug.http import generate_etag, parse_etags, quote_etag, unquote_etag

from .errors import Fault, Invalid
from .operations import Input
from .values import Time, dec_hook, is_storable

__all__ = ["Condition", "Cursor", "Page", "Position", "found", "now", "tag_of"]

T = TypeVar("T")
# The types that the value of a sort field has in a cursor.
SORTABLE = (str, int, float, datetime, NoneType)
now = partial(datetime.now, UTC)


def found(thing: T | None) -> T:
    """Return the thing; raise NotFound (404) if it is None."""
    if thing is None:
        raise NotFound("No resource has this id.")
    return thing


class Position(NamedTuple):
    """A place in a list: the value of the field that the list is sorted by, and the id."""

    value: Any
    id: UUID


# MessagePack in base64: a digest of the sort and the filters, then a Position's value and id.
Cursor = Annotated[
    str,
    Meta(
        pattern="^[A-Za-z0-9_-]+$", max_length=4000, description="the `next_cursor` of a response"
    ),
]
CURSORS = msgspec.msgpack.Decoder(tuple[bytes, Any, UUID])


class Page(Input):
    """The query of a page. The list is newest first, unless a subclass has a field `sort`.

    `sort` is a Literal of field names; a name with "-" in front sorts in descending order.
    Every other field of a subclass is a filter: only rows or documents with the same value are
    listed. To filter in another way, override `filters`.
    """

    per_page: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Cursor | UnsetType = UNSET

    @property
    def order(self) -> tuple[str, bool]:
        """The field that the list is sorted by, and whether the order is descending."""
        sort: str = getattr(self, "sort", "-created_at")
        return sort.removeprefix("-"), sort.startswith("-")

    def filters(self) -> dict[str, Any]:
        """Return the filters that the caller has set, by the name of the field."""
        given = structs.asdict(self)
        own = given.keys() - {"per_page", "cursor", "sort"}
        return {name: given[name] for name in sorted(own) if given[name] not in (UNSET, None)}

    def digest(self) -> bytes:
        """Return a hash of the sort and the filters; all cursors of the same list contain it."""
        given = structs.replace(self, per_page=20, cursor=UNSET)
        return blake2b(msgspec.json.encode(given), digest_size=6).digest()

    def position(self, kind: Any = Any) -> Position | None:
        """Return the position after which the page begins; None for the first page.

        `kind` is the type of the field that the list is sorted by. Raises Invalid (422) if the
        cursor is from a list with another sort or other filters.
        """
        if self.cursor is UNSET:
            return None
        with suppress(ValueError, msgspec.MsgspecError):
            digest, value, id_ = CURSORS.decode(urlsafe_b64decode(self.cursor + "=="))
            if digest == self.digest() and isinstance(value, SORTABLE) and is_storable(value):
                kind = Time if kind is datetime else kind
                return Position(msgspec.convert(value, kind, dec_hook=dec_hook), id_)
        detail = "Expected no cursor, or the `next_cursor` of a list with the same sort and filters"
        raise Invalid(Fault(detail, parameter="cursor"))

    def cut(self, listed: list[T]) -> tuple[list[T], str | None]:
        """Cut a list of up to `per_page + 1` items; return the page and the next cursor or None."""
        page = listed[: self.per_page]
        if len(page) == len(listed):
            return page, None
        last: Any = page[-1]
        place = msgspec.msgpack.encode((self.digest(), getattr(last, self.order[0]), last.id.bytes))
        return page, urlsafe_b64encode(place).rstrip(b"=").decode()


def tag_of(returned: Any) -> str:
    """Return the ETag of a returned value: https://www.rfc-editor.org/rfc/rfc9110#name-etag."""
    return quote_etag(generate_etag(msgspec.json.encode(returned)))


IF_MATCH = Meta(max_length=4096, description="the ETag that the resource must have; * accepts any")


class Condition(msgspec.Struct, rename={"if_match": "If-Match"}):
    """Precondition for a write (If-Match): https://www.rfc-editor.org/rfc/rfc9110#name-if-match."""

    raises: ClassVar = (412,)

    if_match: Annotated[str, IF_MATCH] = "*"

    def check(self, current: Any) -> None:
        """Raise PreconditionFailed (412) unless If-Match has the ETag of the current value.

        A weak tag (W/"…") is accepted, because a proxy that compresses responses weakens ETags.
        That is safe, because the ETag is a hash of the value and does not depend on the encoding.
        """
        tag, _ = unquote_etag(tag_of(current))
        if not parse_etags(self.if_match).contains_weak(tag):
            raise PreconditionFailed("If-Match lacks the current ETag: read the resource again.")
