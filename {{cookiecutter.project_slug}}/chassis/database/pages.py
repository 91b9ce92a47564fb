"""Query one page of a list, with the caller's sort order, filters and cursor."""

from typing import Any, TypeVar

from sqlalchemy import Select, tuple_

from ..resources import Page

Q = TypeVar("Q", bound=Select[Any])


def paged(query: Q, page: Page) -> Q:
    """Sort and filter a query of a model with an `id`; limit it to one row more than the page has.

    With an index on the filters, the sort key and the id, the database reads only the page's rows.
    """
    (model,) = [each["entity"] for each in query.column_descriptions]
    name, descending = page.order
    key = getattr(model, name)
    if key.expression.nullable:
        raise TypeError(f"{key} can be NULL, so a list cannot be sorted by it.")
    place = tuple_(key, model.id)
    if position := page.position(key.type.python_type):
        query = query.where(place < position if descending else place > position)
    columns = [column.desc() if descending else column for column in (key, model.id)]
    return query.filter_by(**page.filters()).order_by(*columns).limit(page.per_page + 1)
