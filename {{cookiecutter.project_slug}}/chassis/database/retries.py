"""Retry a transaction that PostgreSQL has rolled back because of another transaction."""

from collections.abc import Callable
from functools import wraps
from random import uniform
from time import sleep
from typing import ParamSpec, TypeVar

from sqlalchemy import exc

P = ParamSpec("P")
T = TypeVar("T")


def repeatable(function: Callable[P, T]) -> Callable[P, T]:
    """Retry a function once, 10 to 100 ms after a deadlock or a serialization failure.

    The function must be exactly one transaction, because PostgreSQL has rolled back only that.
    """

    @wraps(function)
    def call(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return function(*arguments, **named)
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in ("40001", "40P01"):
                raise
        sleep(uniform(0.01, 0.1))  # Without a pause, both transactions could deadlock again.
        return function(*arguments, **named)

    return call
