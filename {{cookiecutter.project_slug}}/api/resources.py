"""What resources have in common: pages (`query: Page`), tags (`headers: Condition`), not found."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import partial
from struct import pack, unpack
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType
from werkzeug.exceptions import NotFound, PreconditionFailed
from werkzeug.http import generate_etag, parse_etags, quote_etag

from .operations import Input

T = TypeVar("T")
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
# No NUL: it is a character to JSON, and not every datastore can keep it.
Text = Annotated[str, Meta(pattern="^[^\\u0000]*$")]
Time = Annotated[datetime, Meta(tz=True)]
now = partial(datetime.now, UTC)


def found(thing: T | None) -> T:
    """Give what was looked for; raise NotFound (404) if there is nothing."""
    if thing is None:
        raise NotFound("There is nothing with this id.")
    return thing


class Position(NamedTuple):
    """A place in a list that goes by time, and by id where times are the same."""

    created_at: datetime
    id: UUID


# A position in base64: eight bytes of microseconds since 1970, the first of them 0, and the id.
CURSOR = Meta(pattern="^A[A-P][A-Za-z0-9_-]{30}$", description="the `next_cursor` of an answer")


class Page(Input):
    """Which page of a list."""

    per_page: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, CURSOR] | UnsetType = UNSET

    def position(self) -> Position | None:
        """Give the position after which the page begins; None for the first page."""
        if self.cursor is UNSET:
            return None
        time, id_ = unpack(">Q16s", urlsafe_b64decode(self.cursor))
        return Position(EPOCH + time * MICROSECOND, UUID(bytes=id_))

    def cut(self, listed: list[T]) -> tuple[list[T], str | None]:
        """Give the page and the cursor of the next, of a list that has one more if there is one."""
        page = listed[: self.per_page]
        if len(page) == len(listed):
            return page, None
        last: Any = page[-1]
        time = (last.created_at - EPOCH) // MICROSECOND
        return page, urlsafe_b64encode(pack(">Q16s", time, last.id.bytes)).decode()


def tag_of(answer: Any) -> str:
    """Give the ETag of an answer: https://www.rfc-editor.org/rfc/rfc9110#name-etag."""
    return quote_etag(generate_etag(msgspec.json.encode(answer)))


class Condition(msgspec.Struct, rename={"if_match": "If-Match"}):
    """What a resource has to be for it to be changed: RFC 9110, 13.1.1."""

    if_match: Annotated[str, Meta(description="the `ETag` that it must have")] = "*"

    def check(self, answer: Any) -> None:
        """Raise PreconditionFailed (412) if the answer's tag is none of those that were given."""
        if not parse_etags(self.if_match).contains_raw(tag_of(answer)):
            raise PreconditionFailed("It was changed since, and has another ETag now.")
