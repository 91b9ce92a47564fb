"""What resources share: pages (`query: Page`), ETags (`headers: Condition`), 404."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from struct import pack, unpack
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.exceptions import NotFound, PreconditionFailed
from werkzeug.http import generate_etag, parse_etags, quote_etag, unquote_etag

from .operations import Input

__all__ = ["Condition", "Cursor", "Page", "Position", "Text", "Time", "found", "now", "tag_of"]

T = TypeVar("T")
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# Without NUL: JSON allows it, but not every datastore can store it.
Text = Annotated[str, Meta(pattern="^[^\\u0000]*$")]
Time = Annotated[datetime, Meta(tz=True)]
now = partial(datetime.now, UTC)


def found(thing: T | None) -> T:
    """Return the thing; raise NotFound (404) if it is None."""
    if thing is None:
        raise NotFound("No resource has this id.")
    return thing


class Position(NamedTuple):
    """A place in a list that is ordered by time, then by id."""

    created_at: datetime
    id: UUID


# A position in base64: eight bytes of microseconds since 1970, of which the first is 0, and the id.
CURSOR = Meta(
    pattern="^A[A-P][A-Za-z0-9_-]{30}$",
    max_length=32,
    description="the `next_cursor` of a response",
)
Cursor = Annotated[str, CURSOR]


class Page(Input):
    """Which page of a list."""

    per_page: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Cursor | UnsetType = UNSET

    def position(self) -> Position | None:
        """Return the position after which the page begins; None for the first page."""
        if self.cursor is UNSET:
            return None
        time, id_ = unpack(">Q16s", urlsafe_b64decode(self.cursor))
        return Position(EPOCH + time * MICROSECOND, UUID(bytes=id_))

    def cut(self, listed: list[T]) -> tuple[list[T], str | None]:
        """Cut a list of up to `per_page + 1`; return the page and the cursor of the next page, if any."""
        page = listed[: self.per_page]
        if len(page) == len(listed):
            return page, None
        last: Any = page[-1]
        time = (last.created_at - EPOCH) // MICROSECOND
        return page, urlsafe_b64encode(pack(">Q16s", time, last.id.bytes)).decode()


def tag_of(returned: Any) -> str:
    """Return the ETag of what a view returns: https://www.rfc-editor.org/rfc/rfc9110#name-etag."""
    return quote_etag(generate_etag(msgspec.json.encode(returned)))


IF_MATCH = Meta(max_length=4096, description="the ETag that it must have; * is any")


class Condition(msgspec.Struct, rename={"if_match": "If-Match"}):
    """Precondition for a write (If-Match): https://www.rfc-editor.org/rfc/rfc9110#name-if-match."""

    raises: ClassVar = (412,)

    if_match: Annotated[str, IF_MATCH] = "*"

    def check(self, current: Any) -> None:
        """Raise PreconditionFailed (412) unless If-Match has the ETag of the current value.

        A weak tag (W/"…") counts, because a proxy that compresses makes the ETag weak. The ETag is
        a hash of the value, so it names the value whatever its encoding is.
        """
        tag, _ = unquote_etag(tag_of(current))
        if not parse_etags(self.if_match).contains_weak(tag):
            raise PreconditionFailed("If-Match lacks the current ETag: read the resource again.")
