"""Repeat a transaction that PostgreSQL has rolled back because of another one."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy import exc

P = ParamSpec("P")
T = TypeVar("T")


def repeatable(function: Callable[P, T]) -> Callable[P, T]:
    """Call a function again, once, after a deadlock or a serialization failure.

    The function must be exactly one transaction, which PostgreSQL has then rolled back.
    """

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return function(*arguments, **named)
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in ("40001", "40P01"):
                raise
        return function(*arguments, **named)

    return call
