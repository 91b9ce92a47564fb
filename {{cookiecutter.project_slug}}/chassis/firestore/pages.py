"""Query one page of a list, with the caller's sort order, filters and cursor."""

from datetime import datetime

import msgspec
from google.cloud.firestore import CollectionReference, Query
from google.cloud.firestore_v1.base_query import FieldFilter

from ..resources import Page


def paged(collection: CollectionReference, page: Page) -> Query:
    """Sort and filter a collection; limit it to one document more than the page has.

    The name of each document must be its id. A filter needs a composite index for each sort order.
    Documents without the sort key are left out.
    """
    name, descending = page.order
    query = collection.limit(page.per_page + 1)
    for field, value in page.filters().items():
        stored = msgspec.to_builtins(value, builtin_types=(bytes, datetime))
        query = query.where(filter=FieldFilter(field, "==", stored))
    for field in (name, "__name__"):
        query = query.order_by(field, Query.DESCENDING if descending else Query.ASCENDING)
    if position := page.position():
        start = {name: position.value, "__name__": collection.document(f"{position.id}")}
        query = query.start_after(start)
    return query
