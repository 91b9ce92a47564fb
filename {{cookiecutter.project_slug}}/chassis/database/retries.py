"""Repeats a transaction that PostgreSQL has rolled back because of another one."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy import exc

P = ParamSpec("P")
T = TypeVar("T")


def repeatable(function: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that does one transaction: repeat it once after a deadlock.

    The same holds for a serialization failure. PostgreSQL has rolled the transaction back then.
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
