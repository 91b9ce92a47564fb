"""gunicorn's undocumented parts that chassis/worker.py, server.py and failures.py use."""

import inspect

import gunicorn
import pytest
from gunicorn.arbiter import Arbiter
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.wsgi import Response
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import TConn, ThreadWorker

CHANGED = f"chassis/ is not compatible with gunicorn {gunicorn.__version__}"


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (TConn, "__init__", "self cfg sock client server"),
        (TConn, "close", "self graceful"),
        (ThreadWorker, "accept", "self listener"),
        (Arbiter, "handle_hup", "self"),
        (ThreadWorker, "finish_request", "self conn fs"),
        (ThreadWorker, "handle_request", "self req conn"),
        (ThreadWorker, "init_signals", "self"),
        (ThreadWorker, "is_parent_alive", "self"),
        (ThreadWorker, "on_client_socket_readable", "self conn client"),
        (ThreadWorker, "set_accept_enabled", "self enabled"),
        (ThreadWorker, "wait_for_and_dispatch_events", "self timeout"),
    ],
)
def test_gunicorn_has_the_method(owner: type, name: str, parameters: str) -> None:
    assert hasattr(owner, name), f"{CHANGED}: {owner.__name__}.{name} is gone"
    found = " ".join(inspect.signature(getattr(owner, name)).parameters)
    assert found == parameters, f"{CHANGED}: {owner.__name__}.{name} takes {found}"


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (Body, "reader"),
        (ChunkedReader, "parser"),
        (Response, "headers"),
        (TConn, "data_ready sock timeout"),
        (Worker, "alive cfg sockets"),
        (ThreadWorker, "_accepting keepalived_conns nr_conns pending_conns poller"),
        (ThreadWorker, "worker_connections"),
    ],
)
def test_gunicorn_has_the_attributes(owner: type, names: str) -> None:
    found = owner.__init__.__code__.co_names  # type: ignore[misc]
    for name in names.split():
        assert name in found, f"{CHANGED}: {owner.__name__}.{name} is gone"
