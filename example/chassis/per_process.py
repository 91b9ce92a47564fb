"""Make clients once per process, after the fork."""

import os
from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import Any, TypeVar
from weakref import finalize

from flask import current_app

T = TypeVar("T")


def per_process(make: Callable[[], T]) -> Callable[[], T]:
    """Decorate a function that makes a client, so that it is called once per process.

    The first call makes the client, in the worker that needs it: connections and threads made
    before the fork do not work after it. Each application has a client of its own; if that has a
    method `close` or `dispose`, it is called when the application or the process ends. Needs an application
    context.
    """
    locks: dict[int, RLock] = {}  # by process: a forked one must not wait for a thread that is gone

    @wraps(make)
    def get() -> T:
        clients: dict[Any, T] = current_app.extensions.setdefault("per_process", {})
        key = make, os.getpid()
        if key not in clients:
            with locks.setdefault(os.getpid(), RLock()):
                if key not in clients:
                    clients[key] = client = make()
                    app = current_app._get_current_object()  # type: ignore[attr-defined]
                    finalize(app, close, client, os.getpid())
        return clients[key]

    return get


def close(client: Any, process: int) -> None:
    """Close a client in the process that made it; a child has only a copy."""
    stop = getattr(client, "close", None) or getattr(client, "dispose", None)
    if stop and process == os.getpid():
        stop()
