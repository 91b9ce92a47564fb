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

    The first call in a worker makes the client, because connections and threads from before the
    fork do not work in the worker. Each application has its own client. When the application or the
    process ends, the client's method `close` or `dispose` is called, if it has one. Needs an
    application context.
    """
    locks: dict[int, RLock] = {}  # by process: after a fork, the thread that holds a lock is gone

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
